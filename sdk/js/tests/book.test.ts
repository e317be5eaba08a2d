/** A book from snapshots and changes. */
import { expect, test } from "vitest";
import { Book, type Gap, type Level, type Message, type OrderBook } from "../src/index.js";

function message(fields: Partial<OrderBook>): OrderBook {
  return {
    type: "orderbook",
    exchange: "binance",
    symbol: "BTC/USDT",
    ts_event: 0,
    ts_exchange: null,
    market_type: "spot",
    raw: null,
    ts_internal: null,
    seq_internal: null,
    bids: [],
    asks: [],
    update_type: "delta",
    depth: null,
    sequence: null,
    prev_sequence: null,
    checksum: null,
    is_reset: null,
    book_id: null,
    expiry: null,
    ...fields,
  };
}

const SNAPSHOT = message({
  update_type: "snapshot",
  is_reset: true,
  sequence: 10,
  bids: [
    [9, 1],
    [8, 2],
  ],
  asks: [[10, 3]],
});

function delta(
  sequence: number,
  bids: Level[],
  asks: Level[] = [],
  prev = sequence - 1,
): OrderBook {
  return message({ sequence, prev_sequence: prev, bids, asks });
}

function gap(fields: Partial<Gap>): Message {
  return {
    type: "gap",
    channel: "*",
    exchange: "*",
    symbol: "*",
    market_type: null,
    ...fields,
  } as Gap;
}

function whole(): Book {
  const book = new Book();
  expect(book.take(SNAPSHOT)).toBe(true);
  return book;
}

test("a snapshot begins it, and changes set, add and remove levels", () => {
  const book = whole();
  const later = delta(
    11,
    [
      [8.5, 4],
      [9, 0],
    ],
    [
      [10, 5],
      [9.5, 1],
    ],
  );
  expect(book.take(later)).toBe(true);
  expect(book.bids).toEqual([
    [8.5, 4],
    [8, 2],
  ]);
  expect(book.asks).toEqual([
    [9.5, 1],
    [10, 5],
  ]);
  expect([book.whole, book.sequence, book.last]).toEqual([true, 11, later]);
});

test("a change that does not follow makes it unknown until the next snapshot", () => {
  const book = whole();
  expect(book.take(delta(13, [[8, 9]]))).toBe(true);
  expect([book.whole, book.bids, book.asks, book.sequence]).toEqual([false, [], [], null]);
  expect(book.take(delta(14, [[8, 9]]))).toBe(false);
  expect(book.take({ ...SNAPSHOT, sequence: 20 })).toBe(true);
  expect(book.take(delta(21, [[8, 9]]))).toBe(true);
  expect(book.bids).toEqual([
    [9, 1],
    [8, 9],
  ]);
});

test("a change before any snapshot is nothing", () => {
  const book = new Book();
  expect(book.take(delta(11, [[8, 9]]))).toBe(false);
  expect(book.whole).toBe(false);
});

test("a change of a venue that does not number follows what it follows", () => {
  const book = new Book();
  book.take({ ...SNAPSHOT, sequence: null });
  expect(book.take(message({ bids: [[9, 7]] }))).toBe(true);
  expect(book.bids[0]).toEqual([9, 7]);
});

test.each([
  [gap({}), false],
  [
    gap({ channel: "orderbook", exchange: "binance", symbol: "BTC/USDT", market_type: "spot" }),
    false,
  ],
  [gap({ channel: "trades" }), true],
  [gap({ exchange: "okx" }), true],
  [gap({ symbol: "ETH/USDT" }), true],
  [gap({ exchange: "binance", symbol: "BTC/USDT", market_type: "perp" }), true],
] as const)("a gap that may concern it makes it unknown: %o", (lost, stays) => {
  const book = whole();
  expect(book.take(lost)).toBe(!stays);
  expect(book.whole).toBe(stays);
});

test("a change that follows shows that a gap has taken nothing of it", () => {
  const book = whole();
  expect(book.take(gap({ streams: ["trades"] }))).toBe(true);
  expect([book.whole, book.bids, book.asks]).toEqual([false, [], []]);
  expect(book.take(delta(11, [[9, 7]]))).toBe(true);
  expect([book.whole, book.sequence]).toEqual([true, 11]);
  expect(book.bids).toEqual([
    [9, 7],
    [8, 2],
  ]);
});

test("a change that does not follow shows that a gap has", () => {
  const book = whole();
  book.take(gap({}));
  expect(book.take(delta(12, [[9, 7]]))).toBe(false);
  expect(book.take(delta(13, [[9, 7]]))).toBe(false);
  expect([book.whole, book.sequence]).toEqual([false, null]);
});

test("where a venue does not number, only a snapshot ends the doubt of a gap", () => {
  const book = new Book();
  book.take({ ...SNAPSHOT, sequence: null });
  book.take(gap({}));
  expect(book.take(message({ bids: [[9, 7]] }))).toBe(false);
  expect(book.whole).toBe(false);
  expect(book.take({ ...SNAPSHOT, sequence: null })).toBe(true);
});

test.each([
  message({ ...SNAPSHOT, symbol: "ETH/USDT" }),
  message({ ...SNAPSHOT, exchange: "okx" }),
  message({ ...SNAPSHOT, market_type: "perp" }),
  message({ ...SNAPSHOT, expiry: "261225" }),
  { type: "orderbook", exchange: "*", symbol: "BTC/USDT", bbo: {}, bids: [], asks: [] },
  { type: "trade", exchange: "binance", symbol: "BTC/USDT", price: 1 },
] as Message[])("what is of something else changes nothing: %o", (other) => {
  const book = whole();
  expect(book.take(other)).toBe(false);
  expect(book.bids).toEqual(SNAPSHOT.bids);
});

test("it is of the instrument that it was made for", () => {
  const book = new Book({ exchange: "binance", symbol: "BTC/USDT", market_type: "perp" });
  expect(book.take(SNAPSHOT)).toBe(false);
  expect(book.take({ ...SNAPSHOT, market_type: "perp" })).toBe(true);
});

test("what it was given stays as it was", () => {
  const given = JSON.stringify(SNAPSHOT);
  const book = whole();
  book.take(delta(11, [[9, 7]]));
  expect(JSON.stringify(SNAPSHOT)).toBe(given);
});

test("ten thousand random changes are those of a map", () => {
  // A small generator, so that a failure comes again.
  let state = 7;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const book = new Book();
  book.take({ ...SNAPSHOT, sequence: 0, bids: [], asks: [] });
  const sides = { bids: new Map<number, number>(), asks: new Map<number, number>() };
  for (let sequence = 1; sequence <= 10_000; sequence++) {
    const changes = { bids: [] as Level[], asks: [] as Level[] };
    for (const side of ["bids", "asks"] as const) {
      for (let count = random(3); count > 0; count--) {
        const level: Level = [random(60) / 4, random(3)];
        changes[side].push(level);
        if (level[1]) sides[side].set(...level);
        else sides[side].delete(level[0]);
      }
    }
    expect(book.take(delta(sequence, changes.bids, changes.asks))).toBe(true);
  }
  const sorted = (side: Map<number, number>) => [...side].sort(([a], [b]) => a - b);
  expect(book.asks).toEqual(sorted(sides.asks));
  expect(book.bids).toEqual(sorted(sides.bids).reverse());
});
