"""The Kubernetes API: client, leader election, conditions, and decoding of what others write."""
