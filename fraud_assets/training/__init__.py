"""Splits, estimators and the decision threshold."""
