"""The champion's scores for a whole batch, and what the analysts get to review."""
