// Made by `python docs/generate.py` from kk0/events.py; changes belong there.

/** What sort of contract an instrument is. */
export type MarketType = "spot" | "perp" | "future" | "option";

/** The taker's side of a trade. */
export type Side = "buy" | "sell" | "unknown";

/** A price, and the size there; in a delta, size 0 removes the level. */
export type Level = [price: number, size: number];

/** A price, the size there, and how much of it each venue has. */
export type VenueLevel = [price: number, size: number, venues: Record<string, number>];

/** The best prices of a consolidated book. */
export interface Bbo {
  bid: number | null;
  bid_size: number | null;
  bid_venues: string[];
  ask: number | null;
  ask_size: number | null;
  ask_venues: string[];
  state: "open" | "locked" | "crossed" | "one_sided";
  blamed: string[];
}

/** One venue in a consolidated book. */
export interface VenueQuote {
  state: "live" | "stale" | "broken";
  bid: number | null;
  ask: number | null;
  age_ms: number;
  skew_ms: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: boolean;
}

/** One execution; `side` is the taker's. */
export interface Trade {
  type: "trade";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  price: number;
  size: number;
  side: Side;
  trade_id: string | null;
  match_id: string | null;
  agg_trade_id: string | null;
  maker: boolean | null;
  liquidity: string | null;
  order_id: string | null;
  client_order_id: string | null;
  is_liquidation: boolean | null;
  is_block: boolean | null;
  is_odd_lot: boolean | null;
  fee: number | null;
  fee_currency: string | null;
  sequence: number | null;
  expiry: string | null;
}

/** A view of a book, or the levels that changed. A book of all exchanges is a Consolidated. */
export interface OrderBook {
  type: "orderbook";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  bids: Level[];
  asks: Level[];
  update_type: "snapshot" | "delta";
  depth: number | null;
  sequence: number | null;
  prev_sequence: number | null;
  checksum: number | null;
  is_reset: boolean | null;
  book_id: string | null;
  expiry: string | null;
  /** Only a consolidated book has it. */
  bbo?: undefined;
}

/** One book of all exchanges; `exchange` is "*". Its `type` is orderbook on /stream. */
export interface Consolidated {
  type: "consolidated" | "orderbook";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  bids: VenueLevel[];
  asks: VenueLevel[];
  bbo: Bbo;
  venues: Record<string, VenueQuote>;
  depth: number | null;
  expiry: string | null;
  /** Only the book of one exchange has it. */
  update_type?: undefined;
}

/** The latest quote and statistics. */
export interface Ticker {
  type: "ticker";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  last: number | null;
  mark: number | null;
  index: number | null;
  open_interest: number | null;
  bid: number | null;
  bid_size: number | null;
  ask: number | null;
  ask_size: number | null;
  volume: number | null;
  sequence: number | null;
  expiry: string | null;
}

/** A perpetual's funding rate. */
export interface Funding {
  type: "funding";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  rate: number | null;
  next_time: number | null;
  mark: number | null;
  index: number | null;
  expiry: string | null;
}

/** A forced order. */
export interface Liquidation {
  type: "liquidation";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  price: number;
  size: number;
  side: Side;
  average_price: number | null;
  filled: number | null;
  status: string | null;
  order_id: string | null;
  expiry: string | null;
}

/** Open contracts. */
export interface OpenInterest {
  type: "open_interest";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  amount: number;
  value: number | null;
  expiry: string | null;
}

/** One bar. */
export interface Candle {
  type: "candle";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  interval: string;
  start: number;
  end: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  quote_volume: number | null;
  trades: number | null;
  closed: boolean;
  expiry: string | null;
}

/** One post of a social network, or `count` of which only the number is known. */
export interface Post {
  type: "post";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  text: string;
  tweet_id: string | null;
  user: string | null;
  lang: string | null;
  symbols: string[] | null;
  metrics: Record<string, number> | null;
  count: number;
}

/** One thing that happened on a chain. */
export interface Chain {
  type: "chain";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  chain: string;
  kind: "tx" | "transfer" | "block" | "account" | "metric";
  value: number | null;
  meta: Record<string, unknown> | null;
}

/** Anything else. */
export interface Custom {
  type: "custom";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: unknown;
  ts_internal: number | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  event_type: string;
  data: Record<string, unknown>;
}

/** What one symbol did in a span of time. */
export interface Window {
  type: "window";
  ts: string;
  window_start: string;
  window_end: string;
  symbol: string;
  price_avg: number | null;
  price_open: number | null;
  price_high: number | null;
  price_low: number | null;
  price_close: number | null;
  vwap: number | null;
  volume_sum: number;
  bid_avg: number | null;
  ask_avg: number | null;
  tweets: number;
  onchain_count: number;
  onchain_value_sum: number | null;
  custom_count: number;
  seq: number | null;
  raw_data: Record<string, unknown>;
}

/** Events that were or may have been lost. */
export interface Gap {
  type: "gap";
  channel: string;
  exchange: string;
  symbol: string;
  from_seq: number | null;
  to_seq: number | null;
  reason: "upstream" | "slow" | "expired" | "late" | "failed";
  market_type: MarketType | null;
  expiry: string | null;
  ts_event: number;
  ts_from: number | null;
  ts_to: number | null;
  venue_from: number | null;
  venue_to: number | null;
  missed: number | null;
  cause: string;
  backfilled: boolean;
  streams: string[] | null;
  seq_internal: number | null;
  /** True where no venue, but a simulator, stands behind it. */
  simulated?: true;
  ids?: (number | string)[];
}

/** The server lives. */
export interface Heartbeat {
  type: "heartbeat";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: MarketType | null;
  raw: Record<string, unknown>;
  ts_internal: number | null;
  seq_internal: number | null;
  info: Record<string, unknown>;
}

/** The boundary between replay and what is new. */
export interface Live {
  type: "live";
  id: number | string | null;
  seq: number;
}

/** Any of them, told apart by `type`. */
export type Event =
  | Trade
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
  | Live;
