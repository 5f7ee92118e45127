"""What the operator knows of each tenant."""
