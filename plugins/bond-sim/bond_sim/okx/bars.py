"""OKX's names of bar lengths ("Candlesticks channel")."""

import re

_UNITS = {"s": 1_000, "m": 60_000, "H": 3_600_000, "D": 86_400_000, "W": 604_800_000}
_CANDLE = re.compile(r"candle(?P<count>\d+)(?P<unit>[smHDW])(utc)?")
_LENGTHS = {1, 2, 3, 4, 5, 6, 12, 15, 30}


def length_of(channel: str) -> int | None:
  """The length of a candle channel's bars (ms), None for another channel."""
  found = _CANDLE.fullmatch(channel)
  if found is None or int(found["count"]) not in _LENGTHS:
    return None
  return int(found["count"]) * _UNITS[found["unit"]]
