"""Where reports come from, and where they go: directories, a cluster by way of kubectl, a file."""
