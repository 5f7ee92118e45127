"""The files of a session: their kinds, their counts, and edits of their text."""
