"""The simulated Hyperliquid: perpetuals, spot and builder dexes."""
