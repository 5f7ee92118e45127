"""The destinations of messages. Each channel sends one message at a time and reports whether it arrived."""
