"""The simulated OKX: spot, perpetuals and dated contracts."""
