"""The resource `BaileysOperation`: one act on one tenant, on request, with an answer."""
