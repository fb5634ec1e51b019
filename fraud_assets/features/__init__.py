"""Point-in-time features: what was known at each transaction, and nothing later."""
