"""What the files of a session are: their kinds, their counts, and edits of their text."""
