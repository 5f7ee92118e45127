"""What the command line prints: tables, documents, progress, problems."""
