"""What comes before and after the act of an operation."""
