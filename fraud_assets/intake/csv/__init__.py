"""From CSV text to typed rows."""
