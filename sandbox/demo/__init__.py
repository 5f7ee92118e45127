"""The demo: a sandbox cluster, real Baileys sessions in every state, and the operator at work on them."""
