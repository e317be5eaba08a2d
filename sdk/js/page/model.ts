/**
 * What the page knows, without a document: everything bounded, so that a page may stay open for
 * days. What comes is only noted here; what is drawn is read from here, once a frame.
 */
import type { Consolidated, Funding, Gap, Message, Trade } from "../src/index.js";

/** What the page says of itself: the greatest of its worries. */
export type PageState = "connecting" | "live" | "quiet" | "stale" | "simulated" | "replay";

/** Something of which there are few, drawn on the clock where it happened. */
export interface Happened {
  /** Counts up; what is drawn was drawn before if its number is known. */
  id: number;
  kind: "gap" | "late" | "liquidation" | "post" | "chain" | "asleep";
  at: number;
  text: string;
}

/** The prices of one second. */
export interface Point {
  /** Whole seconds since 1970. */
  time: number;
  value: number;
}

export const MOST = { points: 900, tape: 30, happened: 100 };
/** A market that says nothing for so long is shown as quiet, and with a stale source as stale. */
export const QUIET_AFTER = 10_000;

/** A page whose clock stood still for so long slept. */
export const ASLEEP_AFTER = 15_000;

/** The last of a list, no more than so many. */
function keep<T>(list: T[], most: number): void {
  // Cut seldom: each cut moves the whole list.
  if (list.length > most + most / 4) list.splice(0, list.length - most);
}

/** What the control plane says of a market at once, before anything has come on the socket. */
export interface Quote {
  state: string;
  age_ms: number | null;
  market_type: string | null;
  bid: number | null;
  ask: number | null;
  last: number | null;
  last_seq: number | null;
}

/** The last spans of a market's trades, as the control plane gives them: columns. */
export interface Past {
  start: string[];
  close: (number | null)[];
}

/** One symbol, as it is shown. Spot, perpetuals and dated contracts have different prices. */
export class Market {
  price: number | null = null;
  /** The number of the event that the price is of. */
  priceSeq: number | null = null;
  /** The most decimals that a price had. */
  decimals = 0;
  bid: number | null = null;
  ask: number | null = null;
  funding: Funding | null = null;
  book: Consolidated | null = null;
  seq: number | null = null;
  gaps = 0;
  sources: Record<string, string> = {};
  simulated = false;
  replaying = false;
  points: Point[] = [];
  tape: Trade[] = [];
  happened: Happened[] = [];
  /** When the last event came, by our clock. */
  heardAt = 0;
  count = 0;
  readonly #kind: string;
  #ids = 0;

  constructor(kind = "spot") {
    this.#kind = kind;
  }

  /** Notes a message. */
  take(message: Message, now: number): void {
    switch (message.type) {
      case "trade":
        this.#event(message, now);
        if (this.#isOther(message)) break;
        this.price = message.price;
        this.priceSeq = message.seq_internal;
        this.#point(message.ts_event, message.price);
        this.tape.push(message);
        keep(this.tape, MOST.tape);
        break;
      case "ticker":
        this.#event(message, now);
        if (this.#isOther(message)) break;
        // With a book of all venues, its best prices; else the last that any venue has told.
        if (!this.book) {
          this.bid = message.bid ?? this.bid;
          this.ask = message.ask ?? this.ask;
        }
        if (this.price === null && message.last !== null) {
          this.price = message.last;
          this.priceSeq = message.seq_internal;
        }
        break;
      case "orderbook":
      case "consolidated":
        this.#event(message, now);
        if (message.bbo && !this.#isOther(message)) {
          this.book = message;
          this.bid = message.bbo.bid;
          this.ask = message.bbo.ask;
        }
        break;
      case "funding":
        this.#event(message, now);
        this.funding = message;
        break;
      case "liquidation":
        this.#event(message, now);
        this.note(
          "liquidation",
          message.ts_event,
          `${message.exchange} liquidation: ${message.side} ${message.size} at ${message.price}`,
        );
        break;
      case "post":
        this.#event(message, now);
        this.note("post", message.ts_event, `${message.user ?? message.exchange}: ${message.text}`);
        break;
      case "chain":
        this.#event(message, now);
        this.note(
          "chain",
          message.ts_event,
          `${message.chain} ${message.kind} ${message.value ?? ""}`,
        );
        break;
      case "gap":
        this.#gap(message, now);
        break;
      case "heartbeat": {
        const info = message.info as { sources?: Record<string, string> };
        this.sources = info.sources ?? {};
        break;
      }
      case "live":
        this.replaying = false;
        break;
    }
  }

  /** Begins with what is known already; what comes on the socket is newer. */
  begin(quotes: readonly Quote[], now: number): boolean {
    const quote = quotes.find((one) => !this.#isOther(one));
    if (!quote || this.heardAt > 0) return false;
    this.price = quote.last;
    this.priceSeq = quote.last_seq;
    this.bid = quote.bid;
    this.ask = quote.ask;
    this.seq = quote.last_seq;
    this.simulated ||= quote.state === "simulated";
    this.heardAt = now - (quote.age_ms ?? 0);
    return true;
  }

  /** Draws what was before what came on the socket. */
  past({ start, close }: Past): void {
    const first = this.points[0]?.time ?? Infinity;
    const before = start.flatMap((text, index) => {
      const time = Math.floor(Date.parse(text) / 1000);
      const value = close[index] ?? null;
      return value === null || time >= first ? [] : [{ time, value }];
    });
    for (const { value } of before) this.#counts(value);
    this.points = [...before, ...this.points];
  }

  /** Notes what there is little of. */
  note(kind: Happened["kind"], at: number, text: string): void {
    this.happened.push({ id: this.#ids++, kind, at, text: text.slice(0, 300) });
    keep(this.happened, MOST.happened);
  }

  /**
   * Notes that the page slept, where its clock stood still and nothing came. The clock of a hidden
   * page goes once a minute; what comes is taken there too.
   */
  ticked(before: number, now: number): void {
    if (Math.min(now - before, this.age(now) ?? 0) <= ASLEEP_AFTER) return;
    const slept = duration(now - before);
    this.note(
      "asleep",
      before,
      `this page slept for ${slept}; what came meanwhile follows, or a gap`,
    );
  }

  /** How old the last event is, milliseconds; null before the first. */
  age(now: number): number | null {
    return this.heardAt === 0 ? null : Math.max(0, now - this.heardAt);
  }

  /** What the page says of itself. */
  state(now: number, connected: boolean): PageState {
    const states = Object.values(this.sources);
    const age = this.age(now);
    if (!connected) return age === null ? "connecting" : "stale";
    if (this.replaying) return "replay";
    if (states.length > 0 && states.every((state) => !isWell(state))) return "stale";
    if (this.simulated || states.includes("simulated")) return "simulated";
    if (age === null) return "connecting";
    return age > QUIET_AFTER ? "quiet" : "live";
  }

  /** Whether it is of another kind of contract; what has no kind is of all. */
  #isOther({ market_type }: { market_type: string | null }): boolean {
    return market_type !== null && market_type !== this.#kind;
  }

  #event(
    event: { seq_internal: number | null; simulated?: true },
    now: number,
  ): void {
    this.count++;
    this.heardAt = now;
    if (event.seq_internal !== null) this.seq = Math.max(this.seq ?? 0, event.seq_internal);
    this.simulated ||= event.simulated === true;
  }

  #gap(gap: Gap, now: number): void {
    this.gaps++;
    const whose = gap.exchange === "*" ? "" : `${gap.exchange} `;
    const many = gap.missed === null ? "" : `, ${gap.missed} events`;
    this.note(
      gap.reason === "late" ? "late" : "gap",
      gap.ts_event || now,
      `${whose}${gap.reason} gap of ${gap.channel === "*" ? "everything" : gap.channel}${many}: ${gap.cause}`,
    );
  }

  #counts(price: number): void {
    this.decimals = Math.max(this.decimals, decimals(price));
  }

  /** The last price of a second. Seconds only rise in a chart; a late one changes none. */
  #point(at: number, value: number): void {
    const time = Math.floor(at / 1000);
    const last = this.points.at(-1);
    this.#counts(value);
    if (last && time < last.time) return;
    if (last?.time === time) last.value = value;
    else this.points.push({ time, value });
    keep(this.points, MOST.points);
  }
}

/** Whether a source with this state gives events. */
export function isWell(state: string): boolean {
  return state === "live" || state === "quiet" || state === "simulated";
}

/** How long something is, for people. */
export function duration(milliseconds: number): string {
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 120_000) return `${Math.round(milliseconds / 1000)} s`;
  if (milliseconds < 7_200_000) return `${Math.round(milliseconds / 60_000)} min`;
  return `${Math.round(milliseconds / 3_600_000)} h`;
}

/** What lies between the best prices, without the noise of subtracting them. */
export function spread({ bid, ask }: Consolidated["bbo"]): number | null {
  if (bid === null || ask === null) return null;
  return Number((ask - bid).toFixed(Math.max(decimals(bid), decimals(ask))));
}

/** What lies between the best price and each level, that one included. */
export function depth(levels: Consolidated["bids"]): number[] {
  let sum = 0;
  return levels.map(([, size]) => (sum += size));
}

/** How many decimals a number has. */
function decimals(value: number): number {
  return figure(value).split(".")[1]?.length ?? 0;
}

// One for all: to make one takes longer than to use it a hundred times.
const FIGURES = new Intl.NumberFormat("en", { maximumFractionDigits: 12, useGrouping: false });

/** A number as it came, for people; nothing is rounded. */
export function figure(value: number | null | undefined): string {
  return value == null ? "-" : FIGURES.format(value);
}

/** One part of a request, and how it was understood. */
export interface Word {
  text: string;
  how: "known" | "default" | "unknown" | "left" | "filler";
  means: string;
}

/** The account of a request's words, as the parse route gives it. */
export interface Understood {
  outcome: string;
  can_start: boolean;
  sentence: string;
  questions: string[];
  problems: string[];
  unknown: string[];
  packages: string[];
  account: {
    start: number | null;
    end: number | null;
    text: string;
    slot: string;
    value: unknown;
    how: string;
  }[];
}

/** What a word counts as that is no part of the stream. */
const NO_PART: Record<string, [Word["how"], string]> = {
  unknown: ["unknown", "not understood"],
  refused: ["unknown", "refused"],
  ignored: ["left", "ignored"],
  left_out: ["left", "left out"],
  filler: ["filler", ""],
};

export function words({ account }: Understood): Word[] {
  return account.map(({ text, slot, value, how, start }) => {
    const [as, means] = NO_PART[slot] ?? [how === "default" ? "default" : "known", slot];
    return { text: start === null ? String(value) : text, how: as, means };
  });
}

/** Requests that answer what was asked: each is the text that a button puts in. */
export function choices(
  request: string,
  understood: Understood,
): { label: string; request: string }[] {
  const found: { label: string; request: string }[] = [];
  for (const word of understood.account) {
    if (word.slot !== "unknown" || word.start === null || word.end === null) continue;
    const without = `${request.slice(0, word.start)}${request.slice(word.end)}`
      .replace(/\s+/g, " ")
      .trim();
    found.push({ label: `Leave out “${word.text}”`, request: without });
  }
  if (understood.questions.some((question) => /which asset/i.test(question))) {
    for (const asset of ["BTC", "ETH", "SOL"])
      found.push({ label: asset, request: `${asset} ${request}` });
  }
  return found.slice(0, 6);
}
