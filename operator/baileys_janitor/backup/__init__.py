"""Encrypted archives of sessions in object stores: made, put, listed, pruned, drilled and read again.

An archive is one immutable object, a compressed tar that `age` and `tar` alone can open. This package does not
depend on a cluster, a watch or a terminal; `volume` reads and writes the session directories.
"""
