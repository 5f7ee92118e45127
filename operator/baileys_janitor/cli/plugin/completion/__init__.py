"""Completion through kubectl: the script, and what is offered for a word."""
