"""Launching, monitoring and retention of runs; secrets; masking of card numbers."""
