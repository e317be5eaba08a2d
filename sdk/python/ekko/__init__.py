"""Streams on demand: describe one in plain English, or with a spec, and read what comes.

async for window in listen("BTC price every 5s"):
  print(window["price_avg"])
"""

from ekko.client import ApiError, EkkoClient, listen

__all__ = ["ApiError", "EkkoClient", "listen"]
