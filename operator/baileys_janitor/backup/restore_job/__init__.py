"""The Job that restores a tenant of a cluster: one container fetches the archive, the other writes the session."""
