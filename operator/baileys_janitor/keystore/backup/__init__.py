"""Backups of sessions whose keys a database holds: the archives of `backup`, filled with rows instead of files."""
