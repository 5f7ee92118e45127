"""`scan`, and the scan of a session directory that other commands begin with."""
