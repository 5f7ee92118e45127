"""Session keys in PostgreSQL: report, clean, undo, import and export, by the same rules as for files."""
