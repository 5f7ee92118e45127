"""What Prometheus scrapes: `tenants` and `process` say which metrics there are, `exposition` writes them, `server`
serves them. docs/metrics.md is written from these definitions.
"""
