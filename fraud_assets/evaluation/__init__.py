"""What the model does to frauds, customers and money on rows that chose nothing."""
