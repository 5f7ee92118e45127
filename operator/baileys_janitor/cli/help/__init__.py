"""Help, the manual page, and completion."""
