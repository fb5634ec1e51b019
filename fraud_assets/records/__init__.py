"""Typed, versioned records that assets pass to each other; unknown keys are refused."""
