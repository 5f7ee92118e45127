"""What the commands `backup`, `archives`, `drill` and `restore` share: repositories, archives and their owners."""
