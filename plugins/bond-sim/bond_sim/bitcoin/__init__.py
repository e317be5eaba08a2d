"""A simulated mempool server of Bitcoin."""
