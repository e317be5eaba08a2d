"""What a venue's amounts are counted in, as ccxt hands them on.

In trades and books ccxt counts contracts; the volumes of bars and of a day are in the base currency
(its manual, "OHLCV Structure" and "Ticker Structure"). Here are the venues for which its code does
otherwise, by the fields that it reads and the venues' documents of them.
"""

from typing import Any

IN_CURRENCY = frozenset(("deribit",))
"""Their amounts are in the base currency, those of inverse contracts in dollars, whatever one
contract is worth (Deribit, "amount")."""

_STREAMED_BARS = frozenset(("binance", "binancecoinm"))
_BARS = frozenset(
  (
    *("bingx", "bitrue", "coinbase", "delta", "digifinex", "gate", "gateeu", "hashkey", "kucoin"),
    *("krakenfutures", "kucoinfutures", "mexc", "phemex", "poloniex", "toobit", "xt"),
  )
)
"""Their bars of contracts are counted in contracts; Binance's where they are streamed."""

_OKX = ("okx", "okxus", "myokx")
_BASE_OF_A_DAY = {**dict.fromkeys(_OKX, "volCcy24h"), "blofin": "volCurrency24h"}
"""The venue's own field of what contracts were traded in the base, for which ccxt has contracts."""
_SWAPPED = frozenset(("bybit", "bybiteu", "bybitid"))
"""Of inverse contracts they have dollars, which ccxt has for the base, and beside them the base."""


def counts_bars_in_contracts(exchange_id: str, *, streamed: bool) -> bool:
  """Whether the volumes of a venue's bars are contracts."""
  return exchange_id in _BARS or (streamed and exchange_id in _STREAMED_BARS)


def volume_of_a_day(exchange_id: str, market: Any, ticker: Any) -> Any:
  """What of a ticker is the volume of 24 hours in the base currency."""
  if market.get("contract"):
    if (field := _BASE_OF_A_DAY.get(exchange_id)) is not None:
      return (ticker.get("info") or {}).get(field)
    if exchange_id in _SWAPPED and market.get("inverse"):
      return ticker.get("quoteVolume")
  return ticker.get("baseVolume")
