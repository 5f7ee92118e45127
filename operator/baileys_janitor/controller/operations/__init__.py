"""Carries out operations: takes them in, does each once, and says in its status what became of it."""
