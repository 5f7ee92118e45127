"""Carries out operations: receives them, does each once, and writes the result into its status."""
