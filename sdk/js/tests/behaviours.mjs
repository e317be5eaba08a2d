/**
 * What a stream promises, against a real server through a proxy that cuts, stalls and corrupts.
 * Plain functions, since Node, Deno, Bun and browsers all run them: run.mjs and chromium.mjs.
 */
import assert from "node:assert/strict";

const REQUEST = { channels: ["trades"], symbols: ["BTC/USDT"], exchanges: ["binance"] };
// Short waits, so that a test does not take as long as an outage.
const SHORT = { silentAfter: 1_500, reconnectAfter: 100 };

/** The numbers that the venue gave its next trades; it leaves none out. */
async function trades(stream, count) {
  const found = [];
  while (found.length < count) {
    const { value: event } = await stream.next();
    assert.notEqual(event.type, "gap", event.cause);
    if (event.type === "trade") found.push(Number(event.trade_id));
  }
  return found;
}

/** Nothing is missing, doubled or out of order. */
function assertWhole(numbers) {
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => numbers[0] + index),
  );
}

async function first(stream, wanted) {
  for (;;) {
    const { value, done } = await stream.next();
    assert(!done, "the stream has ended");
    if (wanted(value)) return value;
  }
}

async function harmed({ kk0, proxy, WebSocket }, harm, path) {
  const stream = new kk0.Stream(`ws://127.0.0.1:${proxy.port}${path}`, { WebSocket, ...SHORT });
  if (path === "/stream") stream.subscribe(REQUEST);
  const found = await trades(stream, 5);
  for (let time = 0; time < 2; time++) {
    const before = proxy.connections;
    proxy.harm(harm);
    // What had come already is handed out first.
    while (proxy.connections === before) found.push(...(await trades(stream, 1)));
    found.push(...(await trades(stream, 5)));
  }
  await stream.close();
  assertWhole(found);
  assert(proxy.connections >= 3);
}

const harms = ["cut", "stall", "corrupt"].flatMap((harm) =>
  ["/stream", "/raw?symbol=BTC/USDT&channels=trades"].map((path) => [
    `a connection that is harmed loses and doubles nothing: ${harm}, ${path.split("?")[0]}`,
    (here) => harmed(here, harm, path),
  ]),
);

export const behaviours = {
  async "subscribed events come in order"({ kk0, url, WebSocket }) {
    const stream = new kk0.Stream(url, { WebSocket }).subscribe(REQUEST);
    assertWhole(await trades(stream, 20));
    await stream.close();
  },

  async "several subscriptions share a connection"({ kk0, proxy, WebSocket }) {
    const stream = new kk0.Stream(`ws://127.0.0.1:${proxy.port}/stream`, { WebSocket });
    stream.subscribe(REQUEST);
    await trades(stream, 1);
    stream.subscribe({ ...REQUEST, symbols: "ETH/USDT" });
    await first(stream, ({ type, symbol }) => type === "trade" && symbol === "ETH/USDT");
    await first(stream, ({ type, symbol }) => type === "trade" && symbol === "BTC/USDT");
    await stream.close();
    assert.equal(proxy.connections, 1);
  },

  async "heartbeats reach the loop"({ kk0, url, WebSocket }) {
    const stream = new kk0.Stream(url, { WebSocket }).subscribe(REQUEST);
    for (let beats = 0; beats < 2; beats++) {
      const beat = await first(stream, ({ type }) => type === "heartbeat");
      assert.equal(beat.info.sources.binance, "simulated");
    }
    await stream.close();
  },

  ...Object.fromEntries(harms),

  async "what cannot be resumed is declared with a gap"({ kk0, proxy, WebSocket }) {
    // A server that has begun a new log: the epoch that it is asked for is none of its own.
    class OfAnotherLog extends (WebSocket ?? globalThis.WebSocket) {
      send(text) {
        super.send(text.replace(/"from":"\w+:/, '"from":"0123456789abcdef:'));
      }
    }
    const url = `ws://127.0.0.1:${proxy.port}/stream`;
    const stream = new kk0.Stream(url, { WebSocket: OfAnotherLog, ...SHORT }).subscribe(REQUEST);
    await trades(stream, 3);
    proxy.cut();
    const gap = await first(stream, ({ type }) => type === "gap");
    assert.deepEqual([gap.reason, gap.ids], ["expired", [0]]);
    await trades(stream, 3);
    await stream.close();
  },

  async "a wrong request is reported and the others go on"({ kk0, url, WebSocket }) {
    const stream = new kk0.Stream(url, { WebSocket }).subscribe(REQUEST);
    stream.subscribe({ ...REQUEST, policy: "nonsense" });
    const error = await first(stream, ({ type }) => type === "error");
    assert.equal(error.code, 4501);
    assert.match(error.message, /policy/);
    assertWhole(await trades(stream, 5));
    await stream.close();
  },

  async "a refused client learns why and does not come back"({ kk0, proxy, WebSocket }) {
    const url = `ws://127.0.0.1:${proxy.port}/stream?token=nonsense`;
    const stream = new kk0.Stream(url, { WebSocket, ...SHORT }).subscribe(REQUEST);
    await assert.rejects(
      () => first(stream, () => false),
      (error) => error instanceof kk0.Refused && error.code === 4500 && error.reason !== "",
    );
    assert.equal((await stream.next()).done, true);
    // A page learns from the proxy's process what it counts, a little later.
    while (proxy.connections < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(proxy.connections, 1);
  },

  async "a replay comes before what is new"({ kk0, url, WebSocket }) {
    const stream = new kk0.Stream(url, { WebSocket }).subscribe({ ...REQUEST, from: "now-1m" });
    let before = 0;
    await first(stream, ({ type }) => {
      before += type === "trade" ? 1 : 0;
      return type === "live";
    });
    assert(before > 0);
    await stream.close();
  },

  async "a closed stream ends, and so does its connection"({ kk0, proxy, WebSocket }) {
    const url = `ws://127.0.0.1:${proxy.port}/stream`;
    const stream = new kk0.Stream(url, { WebSocket }).subscribe(REQUEST);
    let count = 0;
    for await (const { type } of stream) if (type === "trade" && ++count === 3) break;
    assert.equal((await stream.next()).done, true);
    const waiting = new kk0.Stream(url, { WebSocket }).subscribe({ symbols: "NONE/USDT" });
    const rest = (async () => {
      for await (const _ of waiting);
    })();
    while (proxy.connections < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await waiting.close();
    await rest;
    while (proxy.open > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  },

  async "a signal ends a stream with its reason"({ kk0, url, WebSocket }) {
    const over = new AbortController();
    const stream = new kk0.Stream(url, { WebSocket });
    stream.subscribe({ ...REQUEST, signal: over.signal });
    await trades(stream, 1);
    const rest = first(stream, () => false);
    over.abort(new Error("enough"));
    await assert.rejects(rest, /enough/);
  },

  async "a slow reader keeps little, and loses and doubles nothing"({ kk0, proxy, WebSocket }) {
    const said = [];
    const stream = new kk0.Stream(`ws://127.0.0.1:${proxy.port}/stream`, {
      WebSocket,
      buffer: 8_000,
      onStatus: ({ state }) => said.push(state),
    });
    stream.subscribe({ channels: ["trades", "ticker"], policy: "lossless" });
    const found = [];
    while (proxy.connections < 4) {
      const { value: event } = await stream.next();
      assert.notEqual(event.type, "gap", event.cause);
      if (event.exchange === "binance" && event.symbol === "BTC/USDT" && event.type === "trade") {
        found.push(Number(event.trade_id));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    found.push(...(await tradesOf(stream, 5)));
    await stream.close();
    assertWhole(found);
    assert(said.filter((state) => state === "behind").length >= 3);
    assert(!said.includes("waiting"), "it resumes at once");
  },

  async "a book of deltas is the book that a view shows"({ kk0, url, WebSocket }) {
    const instrument = { exchanges: "binance", symbols: "BTC/USDT", channels: "orderbook" };
    const stream = new kk0.Stream(url, { WebSocket }).subscribe({ ...instrument, deltas: true });
    const views = new kk0.Stream(url, { WebSocket }).subscribe({ ...instrument, speed_ms: 1 });
    const book = new kk0.Book();
    const seen = new Map();
    let equal = 0;
    const same = new AbortController();
    const reading = (async () => {
      for await (const view of views) {
        if (same.signal.aborted) break;
        if (view.type === "orderbook") seen.set(view.sequence, view);
      }
    })();
    for await (const message of stream) {
      if (!book.take(message)) continue;
      const view = seen.get(book.sequence);
      if (!view) {
        // The view of this state may only be on its way.
        const { sequence, bids, asks } = book;
        const kept = JSON.parse(JSON.stringify([bids.slice(0, 20), asks.slice(0, 20)]));
        await new Promise((resolve) => setTimeout(resolve, 5));
        const late = seen.get(sequence);
        if (!late) continue;
        assert.deepEqual(kept, [late.bids, late.asks]);
      } else {
        assert.deepEqual([book.bids.slice(0, 20), book.asks.slice(0, 20)], [view.bids, view.asks]);
      }
      if (++equal === 3) break;
    }
    same.abort();
    await views.close();
    await reading;
  },

  async "a sentence is listened to, over tokens that expire"({ kk0, api, WebSocket }) {
    const numbers = [];
    for await (const event of kk0.listen("BTC price every 500ms", { apiUrl: api, WebSocket })) {
      // What a venue lost has a number in the stream, as its windows have.
      numbers.push(event.type === "window" ? event.seq : event.seq_internal);
      if (numbers.length === 8) break;
    }
    assertWhole(numbers);
  },

  async "what cannot be started says why"({ kk0, api, WebSocket }) {
    await assert.rejects(
      () => kk0.listen("hello", { apiUrl: api, WebSocket }).next(),
      (error) => error instanceof kk0.ApiError && error.status === 422 && /live data/.test(error),
    );
    await assert.rejects(
      () => kk0.listen("BTC price every 1s", { apiUrl: "http://127.0.0.1:9", WebSocket }).next(),
      /no control plane answers at http:\/\/127\.0\.0\.1:9; start one/,
    );
  },

  async "streams are made, listed, measured and deleted"({ kk0, api }) {
    const client = new kk0.Client({ apiUrl: api });
    const made = await client.create({ sources: { t: { use: "clock.ticks" } } });
    const listed = async () => (await client.streams()).map(({ stream_id }) => stream_id);
    assert((await listed()).includes(made.stream_id));
    assert.equal((await client.metrics(made.stream_id)).stream_id, made.stream_id);
    assert.equal((await client.token(made.stream_id)).expires_in_sec, 2);
    await client.delete(made.stream_id);
    assert(!(await listed()).includes(made.stream_id));
    assert.equal((await client.parse("BTC price every 5s")).understood.outcome, "ok");
  },
};

async function tradesOf(stream, count) {
  const found = [];
  while (found.length < count) {
    const { value: event } = await stream.next();
    if (event.exchange === "binance" && event.symbol === "BTC/USDT" && event.type === "trade") {
      found.push(Number(event.trade_id));
    }
  }
  return found;
}
