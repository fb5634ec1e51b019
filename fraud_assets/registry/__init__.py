"""Which model is in charge, and why."""
