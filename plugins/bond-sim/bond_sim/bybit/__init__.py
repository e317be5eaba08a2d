"""The simulated Bybit: spot, linear and inverse contracts."""
