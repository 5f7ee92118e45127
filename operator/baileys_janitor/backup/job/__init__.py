"""The short-lived Jobs that back up tenants of a cluster, drill and restore: tasks, entry point and results."""
