"""`scan`, and the look at a session directory that other commands begin with."""
