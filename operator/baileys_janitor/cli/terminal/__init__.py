"""The output of the command line: tables, documents, progress, problems."""
