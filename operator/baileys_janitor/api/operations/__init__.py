"""The resource `BaileysOperation`: one requested action on one tenant, with an answer."""
