"""`BaileysKeyStore`: its spec, what is in force, its status and its conditions."""
