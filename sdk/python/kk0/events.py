"""The messages of a stream, for type checkers: at run time every message is a plain dict.

`type` tells them apart (`if message["type"] == "trade"`); windows of a stream's own socket come
without it. docs/protocol.md says what each field means. Servers may add keys; read with `.get` what
an older one may not send, and `simulated`, which is there, and true, on what no venue sent.
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

MarketType: TypeAlias = Literal["spot", "perp", "future", "option"]
Side: TypeAlias = Literal["buy", "sell", "unknown"]


class Bbo(TypedDict):
  """The best prices of a consolidated book."""

  bid: float | None
  bid_size: float | None
  bid_venues: list[str]
  ask: float | None
  ask_size: float | None
  ask_venues: list[str]
  state: Literal["open", "locked", "crossed", "one_sided"]
  blamed: list[str]


class VenueQuote(TypedDict):
  """One venue in a consolidated book."""

  state: Literal["live", "stale", "broken"]
  bid: float | None
  ask: float | None
  age_ms: int
  skew_ms: int | None
  simulated: NotRequired[bool]


class Trade(TypedDict):
  """One execution; `side` is the taker's."""

  type: Literal["trade"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  price: float
  size: float
  side: Side
  trade_id: str | None
  match_id: str | None
  agg_trade_id: str | None
  maker: bool | None
  liquidity: str | None
  order_id: str | None
  client_order_id: str | None
  is_liquidation: bool | None
  is_block: bool | None
  is_odd_lot: bool | None
  fee: float | None
  fee_currency: str | None
  sequence: int | None
  expiry: str | None


class OrderBook(TypedDict):
  """A view of a book, or the levels that changed. A book of all exchanges is a Consolidated."""

  type: Literal["orderbook"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  bids: list[list[float]]
  asks: list[list[float]]
  update_type: Literal["snapshot", "delta"]
  depth: int | None
  sequence: int | None
  prev_sequence: int | None
  checksum: int | None
  is_reset: bool | None
  book_id: str | None
  expiry: str | None


class Consolidated(TypedDict):
  """One book of all exchanges; `exchange` is "*". Its `type` is orderbook on /stream."""

  type: Literal["consolidated", "orderbook"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  bids: list[list[Any]]
  asks: list[list[Any]]
  bbo: Bbo
  venues: dict[str, VenueQuote]
  depth: int | None
  expiry: str | None


class Ticker(TypedDict):
  """The latest quote and statistics."""

  type: Literal["ticker"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  last: float | None
  mark: float | None
  index: float | None
  open_interest: float | None
  bid: float | None
  bid_size: float | None
  ask: float | None
  ask_size: float | None
  volume: float | None
  sequence: int | None
  expiry: str | None


class Funding(TypedDict):
  """A perpetual's funding rate."""

  type: Literal["funding"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  rate: float | None
  next_time: int | None
  mark: float | None
  index: float | None
  expiry: str | None


class Liquidation(TypedDict):
  """A forced order."""

  type: Literal["liquidation"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  price: float
  size: float
  side: Side
  average_price: float | None
  filled: float | None
  status: str | None
  order_id: str | None
  expiry: str | None


class OpenInterest(TypedDict):
  """Open contracts."""

  type: Literal["open_interest"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  amount: float
  value: float | None
  expiry: str | None


class Candle(TypedDict):
  """One bar."""

  type: Literal["candle"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  interval: str
  start: int
  end: int
  open: float
  high: float
  low: float
  close: float
  volume: float
  quote_volume: float | None
  trades: int | None
  closed: bool
  expiry: str | None


class Post(TypedDict):
  """One post of a social network, or `count` of which only the number is known."""

  type: Literal["post"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  text: str
  tweet_id: str | None
  user: str | None
  lang: str | None
  symbols: list[str] | None
  metrics: dict[str, int] | None
  count: int


class Chain(TypedDict):
  """One thing that happened on a chain."""

  type: Literal["chain"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  chain: str
  kind: Literal["tx", "transfer", "block", "account", "metric"]
  value: float | None
  meta: dict[str, Any] | None


class Custom(TypedDict):
  """Anything else."""

  type: Literal["custom"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: Any
  ts_internal: int | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  event_type: str
  data: dict[str, Any]


class Window(TypedDict):
  """What one symbol did in a span of time."""

  type: Literal["window"]
  ts: str
  window_start: str
  window_end: str
  symbol: str
  price_avg: float | None
  price_open: float | None
  price_high: float | None
  price_low: float | None
  price_close: float | None
  vwap: float | None
  volume_sum: float
  bid_avg: float | None
  ask_avg: float | None
  tweets: int
  onchain_count: int
  onchain_value_sum: float | None
  custom_count: int
  seq: int | None
  raw_data: dict[str, Any]


class Gap(TypedDict):
  """Events that were or may have been lost."""

  type: Literal["gap"]
  channel: str
  exchange: str
  symbol: str
  from_seq: int | None
  to_seq: int | None
  reason: Literal["upstream", "slow", "expired", "late", "failed"]
  market_type: MarketType | None
  expiry: str | None
  ts_event: int
  ts_from: int | None
  ts_to: int | None
  venue_from: int | None
  venue_to: int | None
  missed: int | None
  cause: str
  backfilled: bool
  streams: list[str] | None
  seq_internal: int | None
  simulated: NotRequired[bool]
  ids: NotRequired[list[int | str]]


class Heartbeat(TypedDict):
  """The server lives."""

  type: Literal["heartbeat"]
  exchange: str
  symbol: str
  ts_event: int
  ts_exchange: int | None
  market_type: MarketType | None
  raw: dict[str, Any]
  ts_internal: int | None
  seq_internal: int | None
  info: dict[str, Any]


class Live(TypedDict):
  """The boundary between replay and what is new."""

  type: Literal["live"]
  id: int | str | None
  seq: int


Event = (
  Trade
  | OrderBook
  | Consolidated
  | Ticker
  | Funding
  | Liquidation
  | OpenInterest
  | Candle
  | Post
  | Chain
  | Custom
  | Window
  | Gap
  | Heartbeat
  | Live
)
"""Any of them."""
