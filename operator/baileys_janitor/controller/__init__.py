"""The operator: spec -> due -> Job -> result -> status.

The way of a tenant: `kopf_handlers` takes its events, `schedule` decides what is due, `jobs` creates Jobs and takes in
their results, `status` publishes what came of it, and `reconciler` connects them. docs/architecture.md has a picture.
"""
