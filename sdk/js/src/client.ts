import { ApiError } from "./errors.js";
import type { Event, Heartbeat, Live } from "./events.js";
import { Stream, type StreamOptions } from "./stream.js";

/** A spec as plain data; docs/spec.md says what it may hold. */
export type Spec = Record<string, unknown>;

/** A stream that was made, or was running already. */
export interface Made {
  stream_id: string;
  ws_url: string;
  access_token: string;
  spec: Spec;
  /** The account of every word of a request. */
  understood: unknown;
}

/** A stream of the caller's. */
export interface Listed {
  stream_id: string;
  running: boolean;
  spec: Spec;
  created_at: string;
}

/** Figures of a stream. */
export interface Metrics {
  stream_id: string;
  uptime_sec: number;
  created_at: string;
  msgs_in: number;
  msgs_out: number;
  dropped: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  latency_samples: number;
}

/** A token, and the URL that has it. */
export interface Token {
  token: string;
  ws_url: string;
  expires_in_sec: number;
}

/** Where the control plane is. */
export interface ClientOptions {
  /** Its address; on a page the page's own server, else http://localhost:8000. */
  apiUrl?: string | URL;
  apiKey?: string;
  /** Another fetch than the runtime's. */
  fetch?: typeof fetch;
}

/** How a stream is made. */
export interface CreateOptions {
  /** Start also what has an assumption that the server would have confirmed. */
  confirm?: boolean;
  signal?: AbortSignal;
}

/** How a stream is listened to. */
export interface ListenOptions extends ClientOptions, Omit<StreamOptions, "renew"> {
  /** Begin in the past: `now-5m`, a time, or `EPOCH:SEQ`. */
  from?: string;
  /** Start also what has an assumption that the server would have confirmed. */
  confirm?: boolean;
}

/** What is listened to: events and gaps. */
export type Heard = Exclude<Event, Heartbeat | Live>;

const AROUND = new Set<string>(["heartbeat", "system", "live", "shutdown", "error"]);

/** Makes, lists, measures and deletes streams. Everything throws ApiError where it is refused. */
export class Client {
  readonly #url: URL;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    const here = (globalThis as { location?: { origin: string } }).location?.origin;
    this.#url = new URL(
      options.apiUrl ?? (here?.startsWith("http") ? here : "http://localhost:8000"),
    );
    this.#options = options;
  }

  /** A stream for a sentence or a spec. */
  create(request: string | Spec, options: CreateOptions = {}): Promise<Made> {
    const { confirm = false, signal } = options;
    return this.#call(
      "POST",
      "v1/streams",
      { ...body(request), ...(confirm && { confirm }) },
      signal,
    );
  }

  /** What a sentence means; nothing is started. */
  parse(request: string): Promise<{ spec: Spec | null; understood: unknown }> {
    return this.#call("POST", "v1/streams/parse", body(request));
  }

  /** The caller's streams. */
  streams(): Promise<Listed[]> {
    return this.#call("GET", "v1/streams");
  }

  metrics(id: string): Promise<Metrics> {
    return this.#call("GET", `v1/streams/${encodeURIComponent(id)}/metrics`);
  }

  /** A fresh token. */
  token(id: string): Promise<Token> {
    return this.#call("POST", `v1/streams/${encodeURIComponent(id)}/token`);
  }

  /** Ends a stream. */
  async delete(id: string): Promise<void> {
    await this.#call("DELETE", `v1/streams/${encodeURIComponent(id)}`);
  }

  async #call<T>(method: string, path: string, json?: unknown, signal?: AbortSignal): Promise<T> {
    const { apiKey, fetch: ask = fetch } = this.#options;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (apiKey !== undefined) headers["X-API-Key"] = apiKey;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await ask(new URL(path, this.#url), {
        method,
        headers,
        ...(json !== undefined && { body: JSON.stringify(json) }),
        ...(signal && { signal }),
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new TypeError(
        `no control plane answers at ${this.#url.origin}; start one with \`bond serve\`, ` +
          "or name one with apiUrl",
        { cause },
      );
    }
    const text = await response.text();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      answer = { detail: text.slice(0, 300) };
    }
    if (!response.ok) throw new ApiError(response.status, answer as Record<string, unknown>);
    return answer as T;
  }
}

/**
 * The events of the stream for a sentence or a spec, without heartbeats; it goes on over
 * connections and tokens. The stream itself stays when nobody reads it: see `Client.delete`.
 */
export function listen(request: string | Spec, options: ListenOptions = {}): Listening {
  return new Listening(request, options);
}

/** The loop of `listen`; the stream is made at the first event. Leaving the loop closes it. */
export class Listening implements AsyncIterableIterator<Heard>, AsyncDisposable {
  readonly #events: AsyncGenerator<Heard, undefined, undefined>;
  readonly #over = new AbortController();
  #stream: Stream | undefined;

  constructor(request: string | Spec, options: ListenOptions) {
    this.#events = this.#run(request, options);
  }

  next(): Promise<IteratorResult<Heard, undefined>> {
    return this.#events.next();
  }

  async return(): Promise<IteratorResult<Heard, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Ends the connection; the stream stays on the server. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#stream?.close();
    await this.#events.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#run(
    request: string | Spec,
    options: ListenOptions,
  ): AsyncGenerator<Heard, undefined, undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    const client = new Client(options);
    const over = this.#over.signal;
    let made: Made;
    try {
      made = await client.create(request, {
        confirm: options.confirm ?? false,
        signal: signal ? AbortSignal.any([signal, over]) : over,
      });
    } catch (error) {
      // To close it waits for no answer.
      if (over.aborted) return undefined;
      throw error;
    }
    signal?.throwIfAborted();
    if (over.aborted) return undefined;
    const url = new URL(made.ws_url);
    if (options.from !== undefined) url.searchParams.append("from", options.from);
    const renew = () => this.#renewed(client, made.stream_id);
    const stream = (this.#stream = new Stream(url, { ...options, renew }));
    for await (const message of stream) {
      if (!AROUND.has(message.type)) yield message as Heard;
    }
    return undefined;
  }

  /** A new token; a server that does not answer meanwhile is waited for, one that refuses is not. */
  async #renewed(client: Client, id: string): Promise<string> {
    for (let wait = 500; ; wait = Math.min(30_000, wait * 2)) {
      try {
        return (await client.token(id)).ws_url;
      } catch (error) {
        if (error instanceof ApiError && error.status < 500) throw error;
        if (this.#over.signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * wait));
      }
    }
  }
}

function body(request: string | Spec): Record<string, unknown> {
  return typeof request === "string" ? { natural_language: request } : { spec: request };
}
