"""Access to the cluster through `kubectl`, with the user's own contexts, logins and rights."""
