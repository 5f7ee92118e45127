"""Where archives lie: object stores and directories."""
