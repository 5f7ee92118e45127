"""Encrypted archives of sessions in object stores: made, put, listed, thinned out, drilled and read again.

An archive is one immutable object, a compressed tar that `age` and `tar` alone can open. Nothing here knows a
cluster, a watch or a terminal; the session directories are read and written by `volume`.
"""
