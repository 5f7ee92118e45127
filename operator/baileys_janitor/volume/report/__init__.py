"""What looks and runs found and did: plain values, and their text form."""
