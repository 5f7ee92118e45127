"""`baileys-janitor rotate` and `rollback`: end a pairing in its directory, and restore it."""
