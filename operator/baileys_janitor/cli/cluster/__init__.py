"""The commands that a cluster runs, and those for its set-up."""
