"""The stages before and after the action of an operation."""
