"""The simulated Coinbase: Advanced Trade market data."""
