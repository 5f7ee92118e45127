"""Files on a volume: opened without following links, listed, made and renamed."""
