"""What the model does to frauds, customers and money on held-out test rows."""
