"""A stand-in for the Kubernetes API server: in memory, over plain HTTP."""
