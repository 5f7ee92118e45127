"""The short-lived Job of a `BaileysKeyStore`: its task, its entry point and its result."""
