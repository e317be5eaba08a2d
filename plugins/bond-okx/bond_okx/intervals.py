"""Lengths of candles, and what the venue calls them.

From six hours on the venue has two kinds, one aligned to Hong Kong time; those of UTC are taken, as
everywhere else (source: "WS / Candlesticks channel").
"""

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000

LENGTH_MS = {
  "1s": 1_000,
  "1m": _MINUTE,
  "3m": 3 * _MINUTE,
  "5m": 5 * _MINUTE,
  "15m": 15 * _MINUTE,
  "30m": 30 * _MINUTE,
  "1h": _HOUR,
  "2h": 2 * _HOUR,
  "4h": 4 * _HOUR,
  "6h": 6 * _HOUR,
  "12h": 12 * _HOUR,
  "1d": _DAY,
  "1w": 7 * _DAY,
}


def channel(interval: str) -> str:
  """The channel of candles of that length: candle1m, candle4H, candle1Dutc."""
  utc = "utc" if LENGTH_MS[interval] >= 6 * _HOUR else ""
  name = interval if interval[-1] in "sm" else interval.upper()
  return f"candle{name}{utc}"
