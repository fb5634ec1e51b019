"""Everything that a person may want to change: environment, settings, limits."""
