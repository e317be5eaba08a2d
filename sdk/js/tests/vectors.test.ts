/**
 * The transcripts of sdk/vectors, played by this client: what comes, what it says, what it hands
 * out. The Python client plays the same.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused, Stream, type StreamOptions, type Subscription } from "../src/index.js";
import { FakeSocket } from "./fake-socket.js";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

interface Vector {
  name: string;
  steps: Fields[];
  url?: string;
  each?: Json[];
  random?: number;
  renews?: boolean;
  buffer?: number;
  clients?: string[];
}

const FOLDER = join(import.meta.dirname, "../../vectors");
const FIRST_WAIT = 500;

function* transcripts(): Generator<[name: string, vector: Vector, each: Json]> {
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith(".json")) continue;
    const vectors = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Vector[];
    for (const vector of vectors) {
      if (vector.clients && !vector.clients.includes("js")) continue;
      for (const each of vector.each ?? [null]) {
        const name = `${file.replace(".json", "")}: ${vector.name}`;
        yield [vector.each ? `${name}: ${JSON.stringify(each)}` : name, vector, each];
      }
    }
  }
}

/** A step with what stands for "$each" put in. */
function filled(value: Json, each: Json): Json {
  if (value === "$each") return each;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, filled(v, each)]));
}

/** A message has these fields; those that are null may also not be there. */
function has(message: object, wanted: Json): void {
  const fields = wanted as Fields;
  const found = Object.keys(fields).map((key) => [key, (message as Fields)[key] ?? null]);
  expect(Object.fromEntries(found)).toEqual(fields);
}

/** A client, and how far the test has read what it did. */
class Player {
  readonly #stream: Stream;
  #sockets = 0;
  #next: Promise<unknown> | undefined;
  #renew: ((url: string) => void) | undefined;

  constructor(vector: Vector) {
    const options: StreamOptions = { WebSocket: FakeSocket, reconnectAfter: FIRST_WAIT };
    if (vector.buffer !== undefined) options.buffer = vector.buffer;
    if (vector.renews) {
      options.renew = () => new Promise<string>((resolve) => (this.#renew = resolve));
    }
    this.#stream = new Stream(vector.url ?? "ws://h/stream", options);
  }

  get #socket(): FakeSocket {
    return FakeSocket.made[this.#sockets - 1] as FakeSocket;
  }

  /** Somebody waits for the next message, as a loop does. */
  async #reading(): Promise<void> {
    if (!this.#next) {
      this.#next = this.#stream.next().then(
        ({ value, done }) => (done ? "done" : value),
        (error: unknown) => error,
      );
    }
    await vi.advanceTimersByTimeAsync(0);
  }

  async play(kind: string, value: Json, reason: string): Promise<void> {
    switch (kind) {
      case "subscribe":
        this.#stream.subscribe(value as Subscription);
        return;
      case "connect":
        await this.#reading();
        expect(FakeSocket.made.length).toBe(this.#sockets + 1);
        this.#sockets++;
        expect(this.#socket.url).toBe(value);
        return;
      case "open":
        this.#socket.emit("open");
        return this.#reading();
      case "fail":
        this.#socket.emit("error", {
          message: value === null ? "refused" : `Unexpected server response: ${value}`,
        });
        this.#socket.emit("close", { code: 1006, reason: "" });
        return this.#reading();
      case "send":
        expect(this.#socket.sent.length, "messages that were sent").toBeGreaterThan(0);
        has(JSON.parse(this.#socket.sent.shift() as string), value);
        return;
      case "receive":
        this.#socket.emit("message", {
          data: typeof value === "string" ? value : JSON.stringify(value),
        });
        return;
      case "event": {
        await this.#reading();
        const message = await this.#next;
        this.#next = undefined;
        if (message instanceof Error) throw message;
        has(message as object, value);
        return;
      }
      case "close":
        await this.#reading();
        this.#socket.emit("close", { code: value ?? 1006, reason });
        return this.#reading();
      case "pass":
        await this.#reading();
        await vi.advanceTimersByTimeAsync(value as number);
        return;
      case "drop":
        // A full buffer is noticed by itself, damage by who reads it.
        if (!this.#socket.closed) await this.#reading();
        expect(this.#socket.closed, "the connection was given up").toBe(true);
        return;
      case "wait":
        await this.#reading();
        if (value !== 0) {
          await vi.advanceTimersByTimeAsync((value as number) - 1);
          expect(FakeSocket.made.length, "a connection before its time").toBe(this.#sockets);
          await vi.advanceTimersByTimeAsync(1);
        }
        return;
      case "renew":
        await vi.advanceTimersByTimeAsync(0);
        expect(this.#renew, "a new token was asked for").toBeDefined();
        this.#renew?.(value as string);
        this.#renew = undefined;
        return this.#reading();
      case "refused": {
        await this.#reading();
        const error = await this.#next;
        expect(error).toBeInstanceOf(Refused);
        expect((error as Refused).code).toBe(value);
        if (reason) expect((error as Refused).reason).toBe(reason);
        return;
      }
      default:
        throw new Error(`there is no step ${kind}`);
    }
  }

  /** Nothing is left over that no step has said. */
  async ended(): Promise<void> {
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.made.length, "connections").toBe(this.#sockets);
    expect(FakeSocket.made.flatMap((socket) => socket.sent)).toEqual([]);
    await this.#stream.close();
    await this.#next;
    expect(vi.getTimerCount(), "timers that were left").toBe(0);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test.each([...transcripts()])("%s", async (_, vector, each) => {
  vi.spyOn(Math, "random").mockReturnValue(vector.random ?? 1);
  const player = new Player(vector);
  for (const step of vector.steps) {
    const [[kind, value], ...more] = Object.entries(filled(step, each) as Fields) as [
      [string, Json],
      ...[string, Json][],
    ];
    await player.play(kind, value, String(Object.fromEntries(more)["reason"] ?? ""));
  }
  await player.ended();
});
