"""What a cleanup removes, and what must stay."""
