"""A simulated node of an EVM chain."""
