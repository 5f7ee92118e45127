"""The Kubernetes API: client, leader election, conditions, and decoding of values that others write."""
