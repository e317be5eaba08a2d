import { Refused } from "./errors.js";
import type { Gap } from "./events.js";
import type { Message, Names, Subscription } from "./messages.js";

/** Close codes after which a retry cannot help; all from 4500 on as well. */
const USELESS = new Set([1003, 1009]);
/** The token has expired; the same URL will not do again. */
const EXPIRED = 4005;
/** HTTP statuses of a handshake that pass by themselves. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const LONGEST_WAIT = 30_000;

/**
 * Where a subscription is: after number `seq` of `epoch`. Its reader has all books whole once it is
 * past `wholeAfter`; until then a chain of deltas cannot go on from here without them.
 */
class Place {
  wholeAfter: number;

  /** `replays` until its `live`; the books come before that, or with it, unless it is `whole`. */
  constructor(
    readonly epoch: string,
    public seq: number,
    public replays: boolean,
    whole: boolean,
  ) {
    this.wholeAfter = whole ? -Infinity : replays ? Infinity : seq;
  }

  /** Whether its reader may have less than all whole books. */
  get lacksBooks(): boolean {
    return this.seq <= this.wholeAfter;
  }

  /** The replay is over; the books that it did not show come now. */
  live(seq: number): void {
    this.replays = false;
    if (this.wholeAfter === Infinity) this.wholeAfter = seq;
  }

  /** Numbers up to `to` were left out; the books come again. */
  lost(to: number | null): void {
    this.wholeAfter = this.replays ? Infinity : Math.max(this.wholeAfter, to ?? this.seq);
  }

  toString(): string {
    return `${this.epoch}:${this.seq}`;
  }
}

/**
 * The conversation with a server, without a socket and without a clock. The rules are those of
 * docs/protocol.md: where a subscription is, is its epoch and number; a lost connection is taken up
 * there, so that nothing is lost or repeated while the server's log reaches back.
 */
export class Session {
  /** Whether this path takes subscriptions; /raw and /ws/ID send without one. */
  readonly subscribes: boolean;
  /** Whether the token has expired, so that another URL is needed. */
  expired = false;
  /** What was declared beside the last message: a resume that the log no longer reaches. */
  lost: Gap | undefined;

  readonly #firstWait: number;
  readonly #renews: boolean;
  readonly #wanted = new Map<number, Record<string, unknown>>();
  readonly #places = new Map<number, Place>();
  /** The places that this connection moves on. */
  readonly #moving = new Set<Place>();
  #url: URL;
  #own: Place | undefined;
  #ownReplays = false;
  #failures = 0;
  #patience = 0;
  #nextId = 0;

  constructor(url: string | URL, firstWait: number, renews: boolean) {
    this.#url = websocketUrl(url);
    this.#firstWait = firstWait;
    this.#renews = renews;
    this.subscribes = /\/stream\/*$/.test(this.#url.pathname);
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#wanted.size;
  }

  /** Notes a subscription; its id, and the message to send now. */
  subscribe({ signal: _, ...wanted }: Subscription): { id: number; message: string } {
    const id = this.#nextId++;
    const { from } = wanted;
    const request: Record<string, unknown> = {
      type: "subscribe",
      id,
      ...wanted,
      channels: listed(wanted.channels),
      symbols: listed(wanted.symbols),
      exchanges: listed(wanted.exchanges),
      from: from instanceof Date ? from.toISOString() : from?.toString(),
    };
    this.#wanted.set(id, request);
    return { id, message: JSON.stringify(request) };
  }

  /** Forgets a subscription; the message to send now. */
  unsubscribe(id: number): string {
    this.#wanted.delete(id);
    this.#forget(id);
    return JSON.stringify({ type: "unsubscribe", id });
  }

  /** Where to connect, from where this reader is. */
  url(): string {
    const url = new URL(this.#url);
    if (!this.subscribes && this.#own) {
      url.searchParams.delete("from");
      url.searchParams.delete("snapshot");
      url.searchParams.append("from", `${this.#own}`);
      const raw = /\/raw\/*$/.test(url.pathname);
      if (raw && this.#own.lacksBooks) url.searchParams.append("snapshot", "true");
    }
    return url.href;
  }

  /** Goes on at another URL: that of a new token. */
  move(url: string | URL): void {
    this.#url = websocketUrl(url);
    this.expired = false;
  }

  /** What to send first on a connection: every subscription, from where it is. */
  connected(): string[] {
    this.#moving.clear();
    this.#ownReplays = new URL(this.url()).searchParams.has("from");
    if (this.#own) this.#own.replays = this.#ownReplays;
    return [...this.#wanted.keys()].map((id) => JSON.stringify(this.#request(id)));
  }

  /** What asks for a subscription, from where it is. */
  #request(id: number): Record<string, unknown> {
    const request = this.#wanted.get(id) as Record<string, unknown>;
    const place = this.#places.get(id);
    if (!place) return request;
    const { snapshot: _, ...again } = request;
    if (request["deltas"] && place.lacksBooks) return { ...again, from: `${place}`, snapshot: true };
    return { ...again, from: `${place}` };
  }

  /**
   * The connection has ended, with a close code, an HTTP status or neither; returns how many
   * milliseconds to wait before the next. Throws Refused where the server does not want another.
   */
  ended(code: number | null, reason: string): number {
    if (code !== null) {
      this.expired = code === EXPIRED;
      const refuses =
        (this.expired && !this.#renews) ||
        USELESS.has(code) ||
        code >= 4500 ||
        (code >= 400 && code < 600 && !PASSING.has(code));
      if (refuses) throw new Refused(code, reason);
    }
    const most = Math.min(LONGEST_WAIT, this.#firstWait * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 20);
    const patience = this.#patience;
    this.#patience = 0;
    // All clients of a server that restarts would come at once without the randomness.
    return Math.max(patience, Math.random() * most);
  }

  /**
   * The message in a frame. Throws SyntaxError for what is none: the connection is damaged, and
   * the next one goes on where this one was whole.
   */
  take(frame: string): Message {
    const message = JSON.parse(frame) as Message & { seq?: unknown; seq_internal?: unknown };
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw new SyntaxError("a message is a JSON object");
    }
    switch (message.type) {
      case "system":
        if (message.status === "subscribed") this.#acknowledge(message);
        break;
      case "heartbeat":
        this.#failures = 0;
        this.#beat(message.info ?? {});
        break;
      case "live":
        this.#live(message.id, message.seq);
        break;
      case "shutdown":
        this.#patience = message.retry_after_ms || 0;
        break;
      case "error":
        break;
      default:
        // Windows come without a type on a stream's own socket.
        (message as { type?: string }).type ??= "window";
        this.#reach(message.seq_internal ?? message.seq);
        if (message.type === "gap") this.#lose(message);
    }
    return message;
  }

  #acknowledge(message: Extract<Message, { type: "system" }>): void {
    const id = message.id as number;
    if (!this.#wanted.has(id)) return;
    this.#failures = 0;
    const request = this.#request(id);
    const whole = message.recovered === true && !request["snapshot"];
    this.#forget(id);
    const place = new Place(message.epoch, message.seq, request["from"] != null, whole);
    this.#places.set(id, place);
    this.#moving.add(place);
    if (message.recovered === false) {
      this.lost = {
        type: "gap",
        channel: "*",
        exchange: "*",
        symbol: "*",
        from_seq: null,
        to_seq: null,
        reason: "expired",
        market_type: null,
        expiry: null,
        ts_event: Date.now(),
        ts_from: null,
        ts_to: null,
        venue_from: null,
        venue_to: null,
        missed: null,
        cause: "the server no longer has everything that came meanwhile",
        backfilled: false,
        streams: null,
        seq_internal: null,
        ids: [id],
      };
    }
  }

  #forget(id: number): void {
    const place = this.#places.get(id);
    if (place) this.#moving.delete(place);
    this.#places.delete(id);
  }

  #beat({ seq, epoch }: Record<string, unknown>): void {
    // Where no subscription is acknowledged, a heartbeat says where this reader is.
    if (!this.subscribes && typeof epoch === "string" && this.#own?.epoch !== epoch) {
      // What it lacks of books comes with the replay; else they came before this.
      const replays = this.#ownReplays;
      this.#own = new Place(epoch, typeof seq === "number" ? seq : 0, replays, !replays);
    }
    this.#reach(seq);
  }

  #live(id: unknown, seq: number): void {
    this.#reach(seq);
    this.#ownReplays = false;
    this.#own?.live(seq);
    const place = this.#places.get(id as number);
    if (place && this.#moving.has(place)) place.live(seq);
  }

  /** A gap that is of no log but of what this reader was sent. */
  #lose({ channel, seq_internal, ids, to_seq }: Gap): void {
    if (seq_internal != null || (channel !== "*" && channel !== "orderbook")) return;
    for (const [id, place] of this.#places) {
      if (this.#moving.has(place) && (!ids || ids.includes(id))) place.lost(to_seq);
    }
    this.#own?.lost(to_seq);
  }

  #reach(seq: unknown): void {
    if (typeof seq !== "number") return;
    for (const place of this.#moving) if (seq > place.seq) place.seq = seq;
    if (this.#own && seq > this.#own.seq) this.#own.seq = seq;
  }
}

function listed(names: Names | undefined): readonly string[] | undefined {
  return typeof names === "string" ? [names] : names;
}

/** A URL of a websocket; on a page, one that is relative to it. */
function websocketUrl(given: string | URL): URL {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL | undefined;
  try {
    url = new URL(given, here);
    // On a page that came by HTTP, "/stream" is the socket beside it.
    if (/^https?:$/.test(url.protocol)) url.protocol = url.protocol.replace("http", "ws");
  } catch {
    // Said below.
  }
  if (!url?.host || !/^wss?:$/.test(url.protocol)) {
    throw new TypeError(`"${given}" is no websocket URL; write ws://host:port/stream`);
  }
  return url;
}
