"""Looks after the session directories of one server: no cluster, one small process."""
