"""The simulated OKX: spot, perpetuals and a dated contract."""
