"""The simulated Binance: spot and USD-M futures."""
