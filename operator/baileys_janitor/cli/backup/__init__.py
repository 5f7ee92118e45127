"""The shared parts of `backup`, `archives`, `drill` and `restore`: repositories, archives and their owners."""
