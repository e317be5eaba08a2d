/** What of a stream no transcript can say: signals, sleep, closing, and what is refused at once. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  listen,
  type Message,
  type Status,
  Stream,
  StreamError,
  type StreamOptions,
} from "../src/index.js";
import { FakeSocket } from "./fake-socket.js";

const URL = "ws://h/stream";
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function streamOf(options: StreamOptions = {}, url = URL): Stream {
  return new Stream(url, { WebSocket: FakeSocket, ...options });
}

function last(): FakeSocket {
  return FakeSocket.made.at(-1) as FakeSocket;
}

function ack(id: number, seq: number): string {
  const message = { type: "system", status: "subscribed", id, epoch: "e", seq, recovered: null };
  return JSON.stringify({ ...message, rejected: [], subscriptions: [] });
}

function trade(seq: number): string {
  return JSON.stringify({ type: "trade", seq_internal: seq, price: 1 });
}

/** A stream that is connected, and what it has handed out. */
async function reading(stream: Stream): Promise<{ found: Message[]; over: Promise<unknown> }> {
  const found: Message[] = [];
  const over = (async () => {
    for await (const message of stream) found.push(message);
  })().catch((error: unknown) => error);
  await settled();
  last().emit("open");
  await settled();
  return { found, over };
}

test("a machine or a tab that slept looks at the clock, and comes back where it was", async () => {
  const stream = streamOf().subscribe({ channels: "trades" });
  const { over } = await reading(stream);
  last().emit("message", { data: ack(0, 7) });
  last().emit("message", { data: trade(9) });
  await settled();
  // Timers stand still in sleep; the clock on the wall does not.
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(FakeSocket.made[0]?.closed).toBe(true);
  await vi.advanceTimersByTimeAsync(500);
  last().emit("open");
  await settled();
  expect(JSON.parse(last().sent[0] as string).from).toBe("e:9");
  await stream.close();
  await over;
});

test("a handshake that nobody answers is given up after ten seconds", async () => {
  const said: Status[] = [];
  const stream = streamOf({ onStatus: (status) => said.push(status) }).subscribe();
  const next = stream.next();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(last().closed).toBe(true);
  expect(said.at(-1)).toMatchObject({ state: "waiting", reason: "no connection within 10 s" });
  await stream.close();
  expect(await next).toEqual({ done: true, value: undefined });
});

test("what is not text is a damaged connection", async () => {
  const stream = streamOf().subscribe();
  const { over } = await reading(stream);
  last().emit("message", { data: new ArrayBuffer(2) });
  await vi.advanceTimersByTimeAsync(500);
  expect(FakeSocket.made.length).toBe(2);
  await stream.close();
  await over;
});

test("nothing is connected to before somebody reads", async () => {
  const stream = streamOf().subscribe();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeSocket.made).toEqual([]);
  await stream.close();
});

test("leaving the loop closes the stream", async () => {
  const stream = streamOf().subscribe();
  const loop = (async () => {
    for await (const message of stream) return message.type;
    return "nothing";
  })();
  await settled();
  last().emit("open");
  last().emit("message", { data: ack(0, 7) });
  last().emit("message", { data: trade(9) });
  expect(await loop).toBe("system");
  expect(last().closed).toBe(true);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect(() => stream.subscribe()).toThrow(StreamError);
  expect(vi.getTimerCount()).toBe(0);
});

test("a block closes the stream that it uses", async () => {
  {
    await using stream = streamOf().subscribe();
    void stream.next();
    await settled();
  }
  expect(last().closed).toBe(true);
});

test.each([
  ["connecting", []],
  ["reading", ["open"]],
  ["waiting", ["close"]],
] as const)("a stream that is %s is closed at once", async (_, events) => {
  const stream = streamOf().subscribe();
  const next = stream.next();
  await settled();
  for (const event of events) last().emit(event, { code: 1006, reason: "" });
  await settled();
  await stream.close();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(vi.getTimerCount()).toBe(0);
});

test("a stream can be closed by what it tells", async () => {
  const stream: Stream = streamOf({
    onStatus: ({ state }) => {
      if (state === "waiting") void stream.close();
    },
  }).subscribe();
  const { over } = await reading(stream);
  last().emit("close", { code: 1006, reason: "" });
  expect(await over).toBeUndefined();
});

test("a signal of the stream ends it with its reason, and what came is not read any more", async () => {
  const stop = new AbortController();
  const stream = streamOf({ signal: stop.signal }).subscribe();
  const { found, over } = await reading(stream);
  stop.abort(new Error("enough"));
  last().emit("message", { data: trade(9) });
  expect(await over).toEqual(new Error("enough"));
  expect(found).toEqual([]);
});

test("a signal that was aborted before ends a stream before it connects", async () => {
  const stream = streamOf({ signal: AbortSignal.abort(new Error("before")) });
  expect(() => stream.subscribe()).toThrow("closed");
  await expect(stream.next()).rejects.toThrow("before");
  expect(FakeSocket.made).toEqual([]);
});

test("the signal of one subscription of several ends that one", async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const stream = streamOf();
  stream.subscribe({ symbols: "BTC/USDT", signal: one.signal });
  stream.subscribe({ symbols: "ETH/USDT", signal: two.signal });
  const { over } = await reading(stream);
  for (const id of [0, 1]) last().emit("message", { data: ack(id, 7) });
  await settled();
  last().sent = [];
  one.abort();
  expect(last().sent.map((text) => JSON.parse(text))).toEqual([{ type: "unsubscribe", id: 0 }]);
  last().emit("close", { code: 1006, reason: "" });
  await vi.advanceTimersByTimeAsync(500);
  last().emit("open");
  await settled();
  expect(last().sent.map((text) => JSON.parse(text).id)).toEqual([1]);
  two.abort(new Error("enough"));
  expect(await over).toEqual(new Error("enough"));
});

test("what a connection does is told", async () => {
  const said: string[] = [];
  const stream = streamOf({ onStatus: ({ state }) => said.push(state) }).subscribe();
  const { over } = await reading(stream);
  last().emit("close", { code: 1011, reason: "" });
  await vi.advanceTimersByTimeAsync(500);
  await stream.close();
  await over;
  expect(said).toEqual(["connecting", "open", "waiting", "connecting", "closed"]);
});

test("a stream is closed also while it waits for a new token", async () => {
  const renew = vi.fn(() => new Promise<string>(() => {}));
  const stream = streamOf({ renew }).subscribe();
  const { over } = await reading(stream);
  last().emit("close", { code: 4005, reason: "" });
  await vi.advanceTimersByTimeAsync(500);
  expect(renew).toHaveBeenCalledOnce();
  await stream.close();
  expect(await over).toBeUndefined();
});

test("a signal that has ended its subscription is held no longer", async () => {
  const stream = streamOf().subscribe();
  const { over } = await reading(stream);
  const controller = new AbortController();
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  stream.subscribe({ signal: controller.signal });
  controller.abort();
  await stream.close();
  await over;
  expect(removed).not.toHaveBeenCalled();
});

test("what renewing throws ends the stream", async () => {
  const renew = () => Promise.reject(new Error("no more tokens"));
  const stream = streamOf({ renew }).subscribe();
  const { over } = await reading(stream);
  last().emit("close", { code: 4005, reason: "expired" });
  await vi.advanceTimersByTimeAsync(500);
  expect(await over).toEqual(new Error("no more tokens"));
});

test("a stream without a subscription says what to do", async () => {
  await expect(streamOf().next()).rejects.toThrow("subscribe first");
  expect(() => streamOf({}, "ws://h/raw").subscribe()).toThrow("iterate this stream as it is");
});

test("a runtime without sockets is told where to get one", () => {
  vi.stubGlobal("WebSocket", undefined);
  expect(() => new Stream(URL)).toThrow('import WebSocket from "ws"');
});

test("the runtime's own socket is used where none is given", async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  const stream = new Stream(URL).subscribe();
  void stream.next();
  await settled();
  expect(last().url).toBe(URL);
  await stream.close();
});

test.each(["localhost:8080", "stream", "ftp://h/stream", ""])("%s is no URL", (url) => {
  expect(() => streamOf({}, url)).toThrow("write ws://host:port/stream");
});

test.each([
  ["/stream", "ws://page:8000/stream"],
  ["stream?token=x", "ws://page:8000/dir/stream?token=x"],
  ["https://other/stream", "wss://other/stream"],
])("on a page %s is %s", async (given, url) => {
  vi.stubGlobal("location", { href: "http://page:8000/dir/index.html" });
  const stream = streamOf({}, given).subscribe();
  void stream.next();
  await settled();
  expect(last().url).toBe(url);
  await stream.close();
});

test("a date is a place to begin at", async () => {
  const stream = streamOf().subscribe({ from: new Date(1795440600000) });
  const { over } = await reading(stream);
  expect(JSON.parse(last().sent[0] as string).from).toBe("2026-11-23T13:30:00.000Z");
  await stream.close();
  await over;
});

/** A control plane that never answers. */
const unanswered = (_: unknown, { signal }: RequestInit = {}) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error));
  });

test.each([{}, { signal: new AbortController().signal }])(
  "to close what listens waits for no answer of the control plane",
  async (given) => {
    const options = { apiUrl: "http://h:1", fetch: unanswered, WebSocket: FakeSocket };
    const listening = listen("BTC price every 1s", { ...options, ...given });
    const first = listening.next();
    await listening.close();
    expect(await first).toEqual({ done: true, value: undefined });
  },
);

test("a signal ends what waits for an answer of the control plane, with its reason", async () => {
  const over = new AbortController();
  const options = { apiUrl: "http://h:1", fetch: unanswered, WebSocket: FakeSocket };
  const first = listen("BTC price every 1s", { ...options, signal: over.signal }).next();
  over.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
});
