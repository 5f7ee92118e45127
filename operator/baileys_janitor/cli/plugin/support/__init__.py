"""`kubectl baileys support`: a bundle with the facts for support, without numbers, names and keys."""
