"""`baileys-janitor rotate` and `rollback`: end a pairing in place, and bring it back."""
