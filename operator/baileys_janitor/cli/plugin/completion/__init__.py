"""Completion through kubectl: the script, and the completions."""
