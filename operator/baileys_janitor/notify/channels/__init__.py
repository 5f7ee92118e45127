"""Where messages go. Each channel sends one message at a time and says whether it arrived."""
