"""The closed sets of words that events and specs use, one type each."""

from typing import Final, Literal, TypeAlias

MarketType: TypeAlias = Literal["spot", "perp", "future", "option"]
"""What kind of contract an instrument is."""

Channel: TypeAlias = Literal[
  "trades",
  "orderbook",
  "ticker",
  "funding",
  "liquidation",
  "open_interest",
  "candle",
  "post",
  "chain",
  "custom",
  "window",
  "consolidated",
]
"""What readers subscribe to; each channel carries one type of event."""

Side: TypeAlias = Literal["buy", "sell", "unknown"]
"""The side of an order."""

UpdateType: TypeAlias = Literal["snapshot", "delta"]
"""Whether an OrderBook is a whole view or the levels that changed."""

BboState: TypeAlias = Literal["open", "locked", "crossed", "one_sided"]
"""How the best bid and the best ask of a consolidated book lie."""

VenueState: TypeAlias = Literal["live", "stale", "broken"]
"""How a venue's book is that takes part in a consolidated one."""

ChainKind: TypeAlias = Literal["tx", "transfer", "block", "account", "metric"]
"""What a ChainEvent is about."""

GapReason: TypeAlias = Literal["upstream", "slow", "expired", "late", "failed"]
"""Why events are missing."""

DATA_FOLDER: Final = "data folder"
"""The key by which `remember` gives the Path of the folder for what outlasts the process, of a live
or of a simulated server; None (which the caller makes) where nothing does."""
