"""The cluster as `kubectl` shows it: contexts, logins and rights are the user's own."""
