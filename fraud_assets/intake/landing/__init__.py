"""The drop folder, what is known of its files, and the run to ask for next."""
