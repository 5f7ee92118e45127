"""The nodes: pods that run the project's own command are local processes, all others are simulated."""
