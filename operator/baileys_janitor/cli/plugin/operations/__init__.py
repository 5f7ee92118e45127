"""Acts on tenants on request: a BaileysOperation is created, and followed to its end."""
