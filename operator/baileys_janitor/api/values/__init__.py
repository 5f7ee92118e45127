"""What settings and statuses are made of: durations, quantities, times, patterns."""
