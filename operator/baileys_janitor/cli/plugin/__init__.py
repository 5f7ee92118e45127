"""`kubectl baileys`: the fleet of a cluster in a terminal. It talks to the cluster through kubectl alone."""
