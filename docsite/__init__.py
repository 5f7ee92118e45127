"""Makes what surrounds the code: the index of decisions, and the pages of the website from docs/."""
