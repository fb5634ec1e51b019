"""How far a batch has moved from what the champion was trained on."""
