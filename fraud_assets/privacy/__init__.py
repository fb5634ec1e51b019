"""What a person may ask for: that old batches, and what is known of one card, are removed."""
