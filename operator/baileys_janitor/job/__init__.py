"""What runs in the pod: one task in as JSON, one result out of at most 4,096 bytes."""
