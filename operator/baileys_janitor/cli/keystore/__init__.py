"""The commands of `baileys-janitor keystore`."""
