"""The commands of the group `keystore`."""
