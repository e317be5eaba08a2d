/** What the page knows: bounded, and honest about what it is. */
import { expect, test } from "vitest";
import {
  choices,
  depth,
  duration,
  figure,
  Market,
  MOST,
  spread,
  type Understood,
  words,
} from "../page/model.js";
import type { Message } from "../src/index.js";

const T0 = 1_795_440_600_000;

function event(fields: object): Message {
  const common = { exchange: "binance", symbol: "BTC/USDT", ts_event: T0, market_type: "spot" };
  return { ...common, seq_internal: 1, ...fields } as unknown as Message;
}

function trade(fields: object = {}): Message {
  return event({ type: "trade", price: 100, size: 1, side: "buy", ...fields });
}

function beat(sources: Record<string, string>): Message {
  return event({ type: "heartbeat", info: { sources } });
}

test("prices are of one kind of contract", () => {
  const market = new Market("spot");
  market.take(trade({ price: 100 }), T0);
  market.take(trade({ price: 105, market_type: "perp" }), T0);
  market.take(event({ type: "ticker", bid: 104, ask: 106, market_type: "perp" }), T0);
  expect([market.price, market.bid, market.ask]).toEqual([100, null, null]);
});

test("the best prices are those of the book of all venues, where there is one", () => {
  const market = new Market();
  market.take(event({ type: "ticker", bid: 99, ask: 101 }), T0);
  expect([market.bid, market.ask]).toEqual([99, 101]);
  const bbo = { bid: 99.5, ask: 100.5, state: "open", blamed: [] };
  market.take(event({ type: "orderbook", exchange: "*", bbo, bids: [], asks: [] }), T0);
  market.take(event({ type: "ticker", bid: 90, ask: 110 }), T0);
  expect([market.bid, market.ask]).toEqual([99.5, 100.5]);
});

test("a hundred minutes of everything keep no more than the last of it", () => {
  const market = new Market();
  // Each second of the hour has all kinds of what may pile up.
  for (let second = 0; second < 6_000; second++) {
    const at = T0 + second * 1_000;
    for (let count = 0; count < 3; count++)
      market.take(trade({ ts_event: at, seq_internal: count }), at);
    market.take(event({ type: "post", text: "x".repeat(2_000), user: null, ts_event: at }), at);
    market.take(event({ type: "gap", reason: "slow", cause: "", missed: 3, channel: "*" }), at);
  }
  expect(market.points.length).toBeLessThanOrEqual(MOST.points * 1.25);
  expect(market.tape.length).toBeLessThanOrEqual(MOST.tape * 1.25);
  expect(market.happened.length).toBeLessThanOrEqual(MOST.happened * 1.25);
  expect(Math.max(...market.happened.map(({ text }) => text.length))).toBeLessThanOrEqual(300);
  expect(market.gaps).toBe(6_000);
});

test("a second has one point, its last price, and seconds only rise", () => {
  const market = new Market();
  const at = (ms: number, price: number) => market.take(trade({ ts_event: T0 + ms, price }), T0);
  at(0, 1);
  at(900, 2);
  at(1_000, 3);
  at(500, 4);
  expect(market.points.map(({ value }) => value)).toEqual([2, 3]);
});

test.each([
  [{}, false, "connecting"],
  [{}, true, "connecting"],
  [{ trades: true }, true, "live"],
  [{ trades: true, later: 11_000 }, true, "quiet"],
  [{ trades: true }, false, "stale"],
  [{ trades: true, sources: { binance: "stale" } }, true, "stale"],
  [{ trades: true, sources: { binance: "reconnecting", okx: "live" } }, true, "live"],
  [{ trades: true, sources: { binance: "simulated" } }, true, "simulated"],
  [{ trades: "simulated" }, true, "simulated"],
  [{ trades: true, replaying: true, sources: { binance: "simulated" } }, true, "replay"],
] as const)("with %o, connected %s, it says %s", (given: object, connected, state) => {
  const { trades, later, sources, replaying } = given as {
    trades?: true | "simulated";
    later?: number;
    sources?: Record<string, string>;
    replaying?: true;
  };
  const market = new Market();
  if (replaying) market.replaying = true;
  if (trades) market.take(trade(trades === "simulated" ? { simulated: true } : {}), T0);
  if (sources) market.take(beat(sources), T0);
  expect(market.state(T0 + (later ?? 0), connected)).toBe(state);
});

test("a replay ends where the server says so", () => {
  const market = new Market();
  market.replaying = true;
  market.take(trade(), T0);
  market.take({ type: "live", id: 0, seq: 7 }, T0);
  expect(market.state(T0, true)).toBe("live");
});

test("a gap and what is late stand where they happened", () => {
  const market = new Market();
  const gap = { type: "gap", channel: "trades", missed: 30, cause: "too slow", symbol: "*" };
  market.take(event({ ...gap, reason: "slow" }), T0 + 5_000);
  market.take(event({ ...gap, reason: "late", missed: null }), T0 + 5_000);
  expect(market.happened.map(({ kind, at }) => [kind, at])).toEqual([
    ["gap", T0],
    ["late", T0],
  ]);
  expect(market.happened[0]?.text).toBe("binance slow gap of trades, 30 events: too slow");
});

test("a page that slept says so, and one that is only hidden does not", () => {
  const market = new Market();
  market.take(trade(), T0);
  market.ticked(T0 - 59_000, T0 + 1_000);
  market.ticked(T0 + 19_000, T0 + 20_000);
  expect(market.happened).toEqual([]);
  market.ticked(T0 + 20_000, T0 + 80_000);
  expect(market.happened.map(({ kind, at, text }) => [kind, at, text])).toEqual([
    ["asleep", T0 + 20_000, "this page slept for 60 s; what came meanwhile follows, or a gap"],
  ]);
});

test("age counts from what was received last", () => {
  const market = new Market();
  expect(market.age(T0)).toBeNull();
  market.take(trade(), T0);
  expect(market.age(T0 + 1_500)).toBe(1_500);
  expect([duration(1_500), duration(61_000), duration(600_000), duration(8_000_000)]).toEqual([
    "1.5 s",
    "61 s",
    "10 min",
    "2 h",
  ]);
});

test("it begins with what the server knows already, and goes on with what comes", () => {
  const quote = { state: "simulated", age_ms: 200, bid: 99, ask: 101, last: 100, last_seq: 7 };
  const quotes = [{ ...quote, market_type: "perp", last: 105 }, { ...quote, market_type: "spot" }];
  const market = new Market();
  expect(market.begin(quotes, T0)).toBe(true);
  expect([market.price, market.bid, market.seq, market.age(T0)]).toEqual([100, 99, 7, 200]);
  expect(market.state(T0, true)).toBe("simulated");
  market.take(trade({ price: 102, seq_internal: 8 }), T0);
  expect(market.begin(quotes, T0)).toBe(false);
  expect([market.price, market.seq]).toEqual([102, 8]);
});

test("a number is shown as it came", () => {
  expect([97009.53, 0.00000123, 1e21, null].map(figure)).toEqual([
    "97009.53",
    "0.00000123",
    "1000000000000000000000",
    "-",
  ]);
});

const UNDERSTOOD: Understood = {
  can_start: false,
  outcome: "ask",
  sentence: "Price, every 5 s.",
  questions: ["Price of which asset?"],
  problems: [],
  unknown: ["fancy"],
  packages: [],
  account: [
    { start: 0, end: 5, text: "fancy", slot: "unknown", value: null, how: "exact" },
    { start: 6, end: 11, text: "price", slot: "source", value: "price", how: "exact" },
    { start: 12, end: 14, text: "on", slot: "filler", value: null, how: "exact" },
    { start: null, end: null, text: "", slot: "exchange", value: "binance", how: "default" },
  ],
};

test("each word says how it was understood", () => {
  expect(words(UNDERSTOOD)).toEqual([
    { text: "fancy", how: "unknown", means: "not understood" },
    { text: "price", how: "known", means: "source" },
    { text: "on", how: "filler", means: "" },
    { text: "binance", how: "default", means: "exchange" },
  ]);
});

test("what is asked has buttons for the answers", () => {
  expect(choices("fancy price on", UNDERSTOOD).slice(0, 2)).toEqual([
    { label: "Leave out “fancy”", request: "price on" },
    { label: "BTC", request: "BTC fancy price on" },
  ]);
});

test("what was before stands before what came, and changes none of it", () => {
  const market = new Market();
  market.take(trade({ ts_event: T0, price: 5 }), T0);
  const start = [-2_000, -1_000, 0, 1_000].map((ms) => new Date(T0 + ms).toISOString());
  market.past({ start, close: [1.25, null, 4, 4] });
  expect(market.points.map(({ value }) => value)).toEqual([1.25, 5]);
  expect(market.decimals).toBe(2);
  expect(market.price).toBe(5);
});

test("the number beside the price is that of the event that it is of", () => {
  const market = new Market();
  const quote = { state: "live", age_ms: 5, market_type: "spot", bid: 98, ask: 100 };
  market.begin([{ ...quote, last: 99, last_seq: 7 }], T0);
  expect([market.price, market.priceSeq]).toEqual([99, 7]);
  market.take(event({ type: "ticker", bid: 98, ask: 101, last: 100, seq_internal: 8 }), T0);
  expect([market.price, market.priceSeq]).toEqual([99, 7]);
  market.take(trade({ price: 100.5, seq_internal: 9 }), T0);
  expect([market.price, market.priceSeq]).toEqual([100.5, 9]);
  const other = new Market();
  other.take(event({ type: "ticker", bid: 98, ask: 101, last: 100, seq_internal: 8 }), T0);
  expect([other.price, other.priceSeq]).toEqual([100, 8]);
});

test("a spread has no more decimals than its prices", () => {
  const bbo = { bid: 96974.7, ask: 96974.85 } as Parameters<typeof spread>[0];
  expect(spread(bbo)).toBe(0.15);
  expect(spread({ ...bbo, ask: null })).toBe(null);
  expect(spread({ ...bbo, ask: 96974.5 })).toBe(-0.2);
});

test("depth is what lies up to each level", () => {
  expect(depth([[10, 1, { x: 1 }], [9, 2, { x: 2 }]])).toEqual([1, 3]);
  expect(depth([])).toEqual([]);
});

test("a word that is no part of the stream is never shown as one that is", () => {
  const word = (slot: string) => ({ start: 0, end: 1, text: "w", slot, value: null, how: "exact" });
  const account = ["symbol", "ignored", "left_out", "refused", "unknown", "filler"].map(word);
  const shown = words({ ...UNDERSTOOD, account });
  expect(shown.map(({ how }) => how)).toEqual(["known", "left", "left", "unknown", "unknown", "filler"]);
  expect(shown[1]?.means).toBe("ignored");
});
