"""Commands that create BaileysOperations and follow them to their end."""
