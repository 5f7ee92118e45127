"""Access to the database: the connection, the checks before a cleanup, the statements, the janitor's own tables."""
