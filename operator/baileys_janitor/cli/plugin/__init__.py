"""`kubectl baileys`: the fleet of a cluster in a terminal. It reaches the cluster only through kubectl."""
