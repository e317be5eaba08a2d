import type { Event } from "./events.js";

/** A channel's name; others may be added by servers. */
export type Channel =
  | "trades"
  | "orderbook"
  | "ticker"
  | "funding"
  | "liquidation"
  | "open_interest"
  | "candle"
  | "post"
  | "chain"
  | "custom"
  | "window"
  | "consolidated"
  | (string & {});

/** One name or several. */
export type Names<T extends string = string> = T | readonly T[];

/** What to subscribe to: the fields of the protocol, each of which may be left out. */
export interface Subscription {
  channels?: Names<Channel>;
  symbols?: Names;
  exchanges?: Names;
  /** Levels a side of a book's view. */
  depth?: number;
  /** Least time between two views of one book. */
  speed_ms?: number;
  /** Books as each change instead of views; `Book` takes them. */
  deltas?: boolean;
  /** The books of all venues as one. */
  consolidated?: boolean;
  /** After each event the venue's own message. */
  raw?: boolean;
  /** Leave out keys that are null. */
  compact?: boolean;
  policy?: "auto" | "lossless" | "conflate";
  /** Begin in the past: `now-5m`, a time, or `EPOCH:SEQ`. */
  from?: string | number | Date;
  /** With `deltas` and a `from` of `EPOCH:SEQ`: begin with each whole book, for a reader without them. */
  snapshot?: boolean;
  /** Ends this subscription; with the last one the stream ends, with the signal's reason. */
  signal?: AbortSignal;
}

/** A subscription as the server understood it. */
export interface Subscribed {
  id: number | string | null;
  channels: string[];
  symbols: string[];
  exchanges: string[];
  depth: number;
  speed_ms: number;
  raw: boolean;
  compact: boolean;
  deltas: boolean;
  policy: string;
}

/** What of a subscription no source of the server can carry. */
export interface Rejected {
  channel: string;
  symbol: string;
  exchange: string;
  reason: string;
}

/** The answer to a request: an ack. */
export interface System {
  type: "system";
  status: "subscribed" | "unsubscribed" | "subscriptions";
  received: Record<string, unknown>;
  id: number | string | null;
  subscriptions: Subscribed[];
  rejected: Rejected[];
  epoch: string;
  seq: number;
  /** Of a resume: whether nothing is missing. */
  recovered: boolean | null;
}

/** A venue's own message, after the event that was made of it. */
export interface Raw {
  type: "raw";
  exchange: string;
  symbol: string;
  ts_event: number;
  ts_exchange: number | null;
  market_type: string | null;
  raw: null;
  ts_internal: number | null;
  seq_internal: number | null;
  payload: unknown;
}

/** Something was wrong with a request; the others go on. */
export interface ErrorMessage {
  type: "error";
  code: number;
  name: string;
  message: string;
  retryable: boolean;
  id: number | string | null;
}

/** The server is about to close; the stream comes back by itself. */
export interface Shutdown {
  type: "shutdown";
  retry_after_ms: number;
}

/** Whatever a server sends, told apart by `type`. */
export type Message = Event | System | Raw | ErrorMessage | Shutdown;
