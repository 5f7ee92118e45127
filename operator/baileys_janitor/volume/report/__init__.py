"""The results of scans and runs: plain values, and their text form."""
