"""The types of settings and statuses: durations, quantities, times, patterns."""
