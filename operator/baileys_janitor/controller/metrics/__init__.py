"""The metrics for Prometheus: `tenants` and `process` define the metrics, `exposition` writes them, `server` serves
them. docs/metrics.md is written from these definitions.
"""
