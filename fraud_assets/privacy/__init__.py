"""Deletion of personal data: old batches, and the data of one card or customer."""
