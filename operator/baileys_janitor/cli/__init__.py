"""The command line: the janitor for a person with a terminal, with or without a cluster."""
