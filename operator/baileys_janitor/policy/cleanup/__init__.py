"""Which files a cleanup removes, and which must stay."""
