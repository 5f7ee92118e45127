"""The process in the pod: it gets one task as JSON, and leaves one result of at most 4,096 bytes."""
