"""Publishes changes: Kubernetes Events, and the log of decisions."""
