"""Manages key stores: databases that hold the keys of many sessions."""
