"""Challengers side by side on past batches: an A/B test, or the backtest of a change."""
