"""Whether the operator is alive, ready, and still told of changes."""
