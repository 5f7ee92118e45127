"""The stores of archives: object stores and directories."""
