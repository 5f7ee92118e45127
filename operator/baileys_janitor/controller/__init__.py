"""The operator: spec -> due -> Job -> result -> status.

The path of a tenant: `kopf_handlers` receives its events, `schedule` decides what is due, `jobs` creates Jobs and reads
their results, `status` publishes them, and `reconciler` connects these parts. docs/architecture.md has a picture.
"""
