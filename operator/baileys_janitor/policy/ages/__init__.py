"""How old files are, counted in the running time of their tenant."""
