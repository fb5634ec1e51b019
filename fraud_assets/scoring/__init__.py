"""The champion's scores of a batch, and the worklist for the analysts."""
