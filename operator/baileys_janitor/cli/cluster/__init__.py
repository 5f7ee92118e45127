"""The commands that a cluster runs, and those for who sets one up."""
