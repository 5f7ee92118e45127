"""`kubectl baileys support`: what somebody who helps needs to see, without numbers, names and keys."""
