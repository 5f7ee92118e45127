"""The metrics of tenants and of the process, whoever serves them."""
