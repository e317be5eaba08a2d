"""The events that move through Bond: msgspec structs whose fields are the wire's own.

An event in memory, on a socket, in a recording and in a replay is one and the same thing, in the
same units, so a window computed live and the same window computed from its recording are equal
(docs/decisions/0003-events-are-the-wire-form.md).

Units: `ts_event` (receive time) and `ts_exchange` (venue time) are epoch milliseconds,
`ts_internal` is a monotonic clock in nanoseconds. Prices are in the quote currency, sizes in the
base currency. A float64 carries every decimal of up to 15 significant digits through JSON
unchanged.
"""

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, get_args

import msgspec

from bond_core._literals import Channel

if TYPE_CHECKING:
  from bond_core._literals import (
    BboState,
    ChainKind,
    GapReason,
    MarketType,
    Side,
    UpdateType,
    VenueState,
  )
else:
  # Type checkers and `check_events` hold those that make events to the closed sets. Decoding takes
  # any text, so that the logs and recordings of a newer version, which may know one more reason,
  # can be read.
  BboState = ChainKind = GapReason = MarketType = Side = UpdateType = VenueState = str

Level: TypeAlias = tuple[float, float]
"""One price level: (price, size)."""


class Event(msgspec.Struct, tag_field="type", gc=False, kw_only=True):
  """What every event says: which venue, which instrument, when.

  `seq_internal` is given by the log when the event enters it. `raw` is the venue's own message,
  only where a subscription has `raw: true`. `simulated` is true on what a simulator made and on
  what was derived from that; a venue's own event has no such key.
  """

  channel: ClassVar[Channel]

  exchange: str
  symbol: str
  ts_event: int = 0
  ts_exchange: int | None = None
  market_type: MarketType | None = None
  raw: Any = None
  ts_internal: int | None = None
  seq_internal: int | None = None
  simulated: bool | msgspec.UnsetType = msgspec.UNSET


class Trade(Event, tag="trade", gc=False, kw_only=True):
  """One execution. `side` is the taker's: buy, sell or unknown; `maker` says whether the buyer
  was the maker."""

  channel: ClassVar[Channel] = "trades"

  price: float
  size: float
  side: Side = "unknown"
  trade_id: str | None = None
  match_id: str | None = None
  agg_trade_id: str | None = None
  maker: bool | None = None
  liquidity: str | None = None
  order_id: str | None = None
  client_order_id: str | None = None
  is_liquidation: bool | None = None
  is_block: bool | None = None
  is_odd_lot: bool | None = None
  fee: float | None = None
  fee_currency: str | None = None
  sequence: int | None = None
  expiry: str | None = None


class OrderBook(Event, tag="orderbook", gc=False, kw_only=True):
  """A view of a book (`update_type` snapshot) or the levels that changed (delta, size 0 removes).

  Bids descend, asks ascend. Deltas are chained: each one's `prev_sequence` is the `sequence` before
  it; `is_reset` marks a snapshot that starts a new chain.
  """

  channel: ClassVar[Channel] = "orderbook"

  bids: list[Level]
  asks: list[Level]
  update_type: UpdateType = "snapshot"
  depth: int | None = None
  sequence: int | None = None
  prev_sequence: int | None = None
  checksum: int | None = None
  is_reset: bool | None = None
  book_id: str | None = None
  expiry: str | None = None


class Bbo(msgspec.Struct, gc=False, kw_only=True):
  """The best prices of a consolidated book, and who quotes them.

  `state` is open, locked (bid equals ask), crossed (bid above ask) or one_sided. Where it is locked
  or crossed `blamed` names the venues that bid at or above the best ask or offer at or below the
  best bid: one of them is late, or there is something to be earned.
  """

  bid: float | None = None
  bid_size: float | None = None
  bid_venues: list[str] = msgspec.field(default_factory=list)
  ask: float | None = None
  ask_size: float | None = None
  ask_venues: list[str] = msgspec.field(default_factory=list)
  state: BboState = "one_sided"
  blamed: list[str] = msgspec.field(default_factory=list)


class VenueQuote(msgspec.Struct, gc=False, kw_only=True):
  """One venue in a consolidated book. `state` is live, stale (no update for too long) or broken
  (losses were declared); only a live one has levels in the book. `age_ms` is the time since its
  last update, `skew_ms` the least difference of receive time and venue time within a minute or two:
  below zero its clock is ahead of ours. `simulated` is true where its book is a simulator's."""

  state: VenueState
  bid: float | None = None
  ask: float | None = None
  age_ms: int = 0
  skew_ms: int | None = None
  simulated: bool | msgspec.UnsetType = msgspec.UNSET


ConsolidatedLevel: TypeAlias = tuple[float, float, dict[str, float]]
"""One price level of several venues: (price, size, size by venue)."""


class Consolidated(Event, tag="consolidated", gc=False, kw_only=True):
  """The books of several venues as one; `exchange` is "*". Bids descend, asks ascend. Times are
  those of the last update that it contains."""

  channel: ClassVar[Channel] = "consolidated"

  bids: list[ConsolidatedLevel]
  asks: list[ConsolidatedLevel]
  bbo: Bbo
  venues: dict[str, VenueQuote]
  depth: int | None = None
  expiry: str | None = None


class Ticker(Event, tag="ticker", gc=False, kw_only=True):
  """The latest quote and statistics; a field the venue's message does not hold is null. `volume` is
  the last 24 hours' in base units."""

  channel: ClassVar[Channel] = "ticker"

  last: float | None = None
  mark: float | None = None
  index: float | None = None
  open_interest: float | None = None
  bid: float | None = None
  bid_size: float | None = None
  ask: float | None = None
  ask_size: float | None = None
  volume: float | None = None
  sequence: int | None = None
  expiry: str | None = None


class Funding(Event, tag="funding", gc=False, kw_only=True):
  """A perpetual's funding rate as a fraction, and when it is next paid (epoch ms)."""

  channel: ClassVar[Channel] = "funding"

  rate: float | None = None
  next_time: int | None = None
  mark: float | None = None
  index: float | None = None
  expiry: str | None = None


class Liquidation(Event, tag="liquidation", gc=False, kw_only=True):
  """A forced order. `side` is the side of the forced order itself (sell closes a long)."""

  channel: ClassVar[Channel] = "liquidation"

  price: float
  size: float
  side: Side = "unknown"
  average_price: float | None = None
  filled: float | None = None
  status: str | None = None
  order_id: str | None = None
  expiry: str | None = None


class OpenInterest(Event, tag="open_interest", gc=False, kw_only=True):
  """Open contracts in base units, and their value in the quote currency where the venue says it."""

  channel: ClassVar[Channel] = "open_interest"

  amount: float
  value: float | None = None
  expiry: str | None = None


class Candle(Event, tag="candle", gc=False, kw_only=True):
  """One bar. `start` and `end` are epoch ms (end exclusive); `closed` says it will not change."""

  channel: ClassVar[Channel] = "candle"

  interval: str
  start: int
  end: int
  open: float
  high: float
  low: float
  close: float
  volume: float
  quote_volume: float | None = None
  trades: int | None = None
  closed: bool = False
  expiry: str | None = None


class Post(Event, tag="post", gc=False, kw_only=True):
  """One post of a social network; `symbol` is the asset it was matched to. Where a source only
  knows how many there were, it stands for `count` posts (0 too) and has no text."""

  channel: ClassVar[Channel] = "post"

  text: str
  tweet_id: str | None = None
  user: str | None = None
  lang: str | None = None
  symbols: list[str] | None = None
  metrics: dict[str, int] | None = None
  count: int = 1


class ChainEvent(Event, tag="chain", gc=False, kw_only=True):
  """One thing that happened on a chain: a transaction, transfer, block, account or metric."""

  channel: ClassVar[Channel] = "chain"

  chain: str
  kind: ChainKind
  value: float | None = None
  meta: dict[str, Any] | None = None

  @property
  def removed(self) -> bool:
    """Whether it revokes an earlier event, as after a reorganisation: it has the same fields, with
    the status removed in `meta`."""
    return self.meta is not None and self.meta.get("status") == "removed"


class Custom(Event, tag="custom", gc=False, kw_only=True):
  """Anything else: `event_type` names it, `data` holds it."""

  channel: ClassVar[Channel] = "custom"

  event_type: str
  data: dict[str, Any]


class Window(msgspec.Struct, tag_field="type", tag="window", gc=False, kw_only=True):
  """What one symbol did between `window_start` and `window_end` (RFC 3339, UTC).

  price_avg is the mean trade price, vwap weighs it by size, volume_sum is in base units. A field
  that no event filled is null; the counts are then 0. `raw_data` has `simulated` where simulated
  events are in it: the exchanges that they name.
  """

  channel: ClassVar[Channel] = "window"

  ts: str
  window_start: str
  window_end: str
  symbol: str
  price_avg: float | None = None
  price_open: float | None = None
  price_high: float | None = None
  price_low: float | None = None
  price_close: float | None = None
  vwap: float | None = None
  volume_sum: float = 0.0
  bid_avg: float | None = None
  ask_avg: float | None = None
  tweets: int = 0
  onchain_count: int = 0
  onchain_value_sum: float | None = None
  custom_count: int = 0
  seq: int | None = None
  raw_data: dict[str, Any]


class Gap(msgspec.Struct, tag_field="type", tag="gap", gc=False, kw_only=True):
  """Events that were or may have been lost: nothing is ever dropped without one.

  reason `upstream`: between `ts_from` and `ts_to` (receive time, epoch ms) the venue's events did
  not reach us; `venue_from` and `venue_to` are the first and last missing venue sequence numbers
  where the venue numbers them, `missed` their count. reason `slow` or `expired`: this reader lost
  the log's events `from_seq` to `to_seq`, both inclusive. reason `late`: `missed` events came after
  their window or place was closed. reason `failed`: a transform raised on them.
  `symbol` or `channel` is "*" where several are concerned; `streams` then names them.
  """

  channel: str
  exchange: str
  symbol: str
  from_seq: int | None = None
  to_seq: int | None = None
  reason: GapReason = "upstream"
  market_type: MarketType | None = None
  expiry: str | None = None
  ts_event: int = 0
  ts_from: int | None = None
  ts_to: int | None = None
  venue_from: int | None = None
  venue_to: int | None = None
  missed: int | None = None
  cause: str = ""
  backfilled: bool = False
  streams: list[str] | None = None
  seq_internal: int | None = None
  simulated: bool | msgspec.UnsetType = msgspec.UNSET


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", gc=False, kw_only=True):
  """The process lives: `info` holds the log's head and the state of each source."""

  channel: ClassVar[str] = "heartbeat"

  exchange: str = "system"
  symbol: str = ""
  ts_event: int = 0
  ts_exchange: int | None = None
  market_type: MarketType | None = None
  raw: dict[str, Any]
  ts_internal: int | None = None
  seq_internal: int | None = None
  info: dict[str, Any]


MarketEvent: TypeAlias = (
  Trade
  | OrderBook
  | Consolidated
  | Ticker
  | Funding
  | Liquidation
  | OpenInterest
  | Candle
  | Post
  | ChainEvent
  | Custom
)
AnyEvent: TypeAlias = MarketEvent | Window | Gap | Heartbeat
Batch: TypeAlias = list[AnyEvent]
"""The unit that moves: events in order. A batch that was handed over is never changed again."""

EVENT_TYPES: dict[str, type[AnyEvent]] = {
  kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)
}
"""Every event type by the name it has on the wire."""

CHANNELS: tuple[Channel, ...] = get_args(Channel)
"""The channels that readers can subscribe to; each carries one type of event."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)

encode = _encoder.encode
"""The wire form of an event: one JSON object as bytes, every key present."""

decode = _decoder.decode
"""The event that a wire form stands for; msgspec.DecodeError says what is wrong with it."""
