"""Which model is the champion, and why."""
