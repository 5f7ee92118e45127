"""`BaileysKeyStore`: its spec, the settings in force, its status and its conditions."""
