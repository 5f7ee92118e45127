"""Backups of sessions whose keys are in a database: the archives of `backup`, filled with rows instead of files."""
