"""A fraud-detection data platform made of Dagster assets."""
