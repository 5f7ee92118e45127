"""The demo: a sandbox cluster, real Baileys sessions in every state, and the operator that cleans them."""
