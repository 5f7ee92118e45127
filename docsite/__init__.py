"""Tools for documentation: the index of decisions, and the pages of the website from docs/."""
