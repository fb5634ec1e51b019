"""Side-by-side measurements: both sides in one run, never timed tests."""
