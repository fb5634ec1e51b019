"""Read CSV text and convert it to typed rows."""
