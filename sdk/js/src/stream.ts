import { Connection, type Ended, type WebSocketClass } from "./connection.js";
import { StreamError } from "./errors.js";
import type { Message, Subscription } from "./messages.js";
import { Session } from "./session.js";

/** What a stream's connection is doing. */
export type Status =
  | { state: "connecting" }
  | { state: "open" }
  /** It ended, with a code of the server's if there was one; another comes after `wait` ms. */
  | { state: "waiting"; wait: number; code: number | null; reason: string }
  /** The reader was slow and the buffer is full: when all in it is read, the stream resumes. */
  | { state: "behind" }
  | { state: "closed" };

/** How a stream connects. */
export interface StreamOptions {
  /** The class of sockets; needed where the runtime has none, as Node 20: that of the package ws. */
  WebSocket?: WebSocketClass;
  /** The URL of a new token, when one has expired. What it throws ends the stream. */
  renew?: () => string | URL | Promise<string | URL>;
  /** Ends the stream, with the signal's reason. */
  signal?: AbortSignal;
  /** Is called whenever the connection opens, ends or waits; it must not throw. */
  onStatus?: (status: Status) => void;
  /** How many characters may have come and not been read; 8,388,608. */
  buffer?: number;
  /** A connection that is silent for so long is dead, milliseconds; 65,000. */
  silentAfter?: number;
  /** The longest first wait before another connection, milliseconds; 500. */
  reconnectAfter?: number;
}

/**
 * Every message that a server sends: events, gaps, heartbeats and acks.
 *
 * A connection that breaks, falls silent or is damaged is replaced: everything is subscribed again
 * from where it was, so nothing is lost or repeated while the server's log reaches back; where it
 * does not, a `gap` comes. A reader that is slow has no more than `buffer` waiting for it: at that
 * bound the connection is given up, and taken up again when the reader has caught up.
 *
 * `Refused` is thrown for what a retry cannot fix. Leaving the loop closes the stream.
 */
export class Stream implements AsyncIterableIterator<Message>, AsyncDisposable {
  readonly #session: Session;
  readonly #options: StreamOptions;
  readonly #Socket: WebSocketClass;
  readonly #messages: AsyncGenerator<Message, undefined, undefined>;
  readonly #cleanup = new Set<() => void>();
  #connection: Connection | undefined;
  #stopped: { reason: { error: unknown } | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** On a page the URL may be relative to it: `/stream`. */
  constructor(url: string | URL = "ws://localhost:8080/stream", options: StreamOptions = {}) {
    const Socket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
    if (!Socket) {
      throw new TypeError(
        "this runtime has no WebSocket; install the package ws, and " +
          'import WebSocket from "ws"; new Stream(url, { WebSocket })',
      );
    }
    this.#Socket = Socket;
    this.#options = options;
    this.#session = new Session(url, options.reconnectAfter ?? 500, options.renew !== undefined);
    this.#messages = this.#run();
    this.#heed(options.signal, (error) => this.#stop({ error }));
  }

  /**
   * Adds a subscription and returns the stream, to be iterated. All subscriptions of a stream share
   * its connection and its loop. The paths /raw and /ws/ID take none: what they send is chosen in
   * the URL.
   */
  subscribe(subscription: Subscription = {}): this {
    if (this.#stopped) throw new StreamError("this stream was closed; make another");
    if (!this.#session.subscribes) {
      throw new TypeError("only /stream takes subscriptions; iterate this stream as it is");
    }
    const { id, message } = this.#session.subscribe(subscription);
    this.#connection?.send(message);
    this.#heed(subscription.signal, (error) => {
      const goodbye = this.#session.unsubscribe(id);
      if (this.#session.size === 0) this.#stop({ error });
      else this.#connection?.send(goodbye);
    });
    return this;
  }

  /** The next message, over as many connections as it takes. */
  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#messages.next();
  }

  /** Ends the stream, as leaving the loop does. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Ends the connection; the loop ends. */
  async close(): Promise<void> {
    this.#stop();
    await this.#messages.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#run(): AsyncGenerator<Message, undefined, undefined> {
    const session = this.#session;
    try {
      if (session.subscribes && session.size === 0 && !this.#stopped) {
        throw new StreamError("subscribe first: stream.subscribe({ channels, symbols })");
      }
      while (!this.#stopped) {
        const connection = this.#connect();
        if (await connection.open()) {
          this.#status({ state: "open" });
          for (const message of session.connected()) connection.send(message);
        }
        let damaged: Ended | undefined;
        let frames: string[] | undefined;
        while (!damaged && (frames = await connection.frames())) {
          for (const frame of frames) {
            if (this.#stopped) break;
            let message: Message;
            try {
              message = session.take(frame);
            } catch {
              damaged = { code: null, reason: "what came was no message" };
              connection.end(damaged);
              break;
            }
            connection.release(frame);
            yield message;
            if (session.lost) {
              const gap = session.lost;
              session.lost = undefined;
              yield gap;
            }
          }
          if (this.#stopped) break;
        }
        const { code, reason, full } = (damaged ?? connection.ended) as Ended;
        if (this.#stopped || full) continue;
        const wait = session.ended(code, reason);
        this.#status({ state: "waiting", wait, code, reason });
        await this.#sleep(wait);
        if (session.expired && !this.#stopped) {
          const url = await this.#renewed();
          if (url !== undefined) session.move(url);
        }
      }
      const { reason } = this.#stopped;
      if (reason) throw reason.error;
      return undefined;
    } finally {
      this.#stop();
    }
  }

  #connect(): Connection {
    this.#status({ state: "connecting" });
    const { buffer = 8 * 1024 * 1024, silentAfter = 65_000 } = this.#options;
    const url = this.#session.url();
    const behind = () => this.#status({ state: "behind" });
    return (this.#connection = new Connection(this.#Socket, url, buffer, silentAfter, behind));
  }

  /** The URL of a new token; undefined where the stream ends before there is one. */
  async #renewed(): Promise<string | URL | undefined> {
    const { renew } = this.#options;
    if (!renew) throw new StreamError("a token has expired, and there is no renew");
    const ended = new Promise<undefined>((resolve) => (this.#wake = () => resolve(undefined)));
    return Promise.race([renew(), ended]);
  }

  async #sleep(milliseconds: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Does something when a signal is aborted, until the stream ends. */
  #heed(signal: AbortSignal | undefined, act: (reason: unknown) => void): void {
    if (!signal) return;
    if (signal.aborted) return act(signal.reason);
    const clean = () => signal.removeEventListener("abort", listener);
    const listener = () => {
      this.#cleanup.delete(clean);
      act(signal.reason);
    };
    signal.addEventListener("abort", listener, { once: true });
    this.#cleanup.add(clean);
  }

  #stop(reason?: { error: unknown }): void {
    if (this.#stopped) return;
    this.#stopped = { reason };
    for (const clean of this.#cleanup) clean();
    this.#connection?.end({ code: null, reason: "closed" });
    this.#wake?.();
    this.#status({ state: "closed" });
  }

  #status(status: Status): void {
    this.#options.onStatus?.(status);
  }
}
