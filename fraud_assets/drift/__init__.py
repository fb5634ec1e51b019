"""Drift of a batch from the data that the champion was trained on."""
