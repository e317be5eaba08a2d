/** What is read of a socket's events. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** What is used of a socket: the browser's, Node's, Deno's, Bun's, or that of the package ws. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: SocketEvent) => void,
  ): void;
}

/** A class of sockets. */
export type WebSocketClass = new (url: string) => WebSocketLike;

/** How a connection ended. */
export interface Ended {
  /** The close code, or the HTTP status of a handshake, if there was one. */
  code: number | null;
  reason: string;
  /** The reader was too slow for the buffer: the connection was given up, to be resumed. */
  full?: true;
}

/** A server answers a handshake within this, milliseconds. */
const OPEN_WITHIN = 10_000;
/** How often it is looked at whether a connection is silent. */
const LOOK_EVERY = 5_000;
/** How long the other side may take to answer a close, before the socket is dropped. */
const CLOSE_WITHIN = 2_000;

/**
 * One connection, and what has come on it and was not yet read. Nothing waits for the reader: at
 * its bound the connection is given up, and what came until then is still to be had.
 */
export class Connection {
  /** Set when nothing more will come. */
  ended: Ended | undefined;

  readonly #socket: WebSocketLike;
  readonly #bound: number;
  readonly #silentAfter: number;
  readonly #onFull: () => void;
  #opened = false;
  #frames: string[] = [];
  /** How many characters have come and were not yet read. */
  #held = 0;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout>;
  #wake: (() => void) | undefined;

  constructor(
    Socket: WebSocketClass,
    url: string,
    bound: number,
    silentAfter: number,
    onFull: () => void,
  ) {
    this.#bound = bound;
    this.#silentAfter = silentAfter;
    this.#onFull = onFull;
    const late = { code: null, reason: `no connection within ${OPEN_WITHIN / 1000} s` };
    this.#timer = setTimeout(() => this.end(late), OPEN_WITHIN);
    const socket = (this.#socket = new Socket(url));
    socket.addEventListener("open", () => {
      if (this.ended) return;
      this.#opened = true;
      this.#heard = Date.now();
      this.#look();
      this.#wake?.();
    });
    socket.addEventListener("message", (event) => this.#take(event.data));
    socket.addEventListener("error", ({ message = "" }) => {
      // Node 20's own socket tells no close of a refused handshake. Of its status only ws knows.
      const status = /server response: (\d{3})$/.exec(message);
      this.end({ code: status && Number(status[1]), reason: message });
    });
    socket.addEventListener("close", ({ code = 1006, reason = "" }) => {
      // Nobody sends 1005 and 1006: they say that no code came.
      this.end({ code: code === 1005 || code === 1006 ? null : code, reason });
    });
  }

  /** Whether it has opened, as soon as that is known. */
  async open(): Promise<boolean> {
    while (!this.#opened && !this.ended) await this.#changed();
    return !this.ended;
  }

  /** Sends a message. One that comes too late is sent again on the next connection. */
  send(text: string): void {
    if (this.#opened && !this.ended) this.#socket.send(text);
  }

  /**
   * What has come, as soon as there is any; undefined when nothing more will. Each frame counts
   * as held until it is released.
   */
  async frames(): Promise<string[] | undefined> {
    while (this.#frames.length === 0) {
      if (this.ended) return undefined;
      await this.#changed();
    }
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** A frame was read. */
  release(frame: string): void {
    this.#held -= frame.length;
  }

  /** Gives the socket up; nothing more is taken from it. */
  end(ended: Ended): void {
    if (this.ended) return;
    this.ended = ended;
    clearTimeout(this.#timer);
    const socket = this.#socket as WebSocketLike & { terminate?(): void };
    socket.close();
    if (socket.terminate) {
      // ws waits half a minute for a side that has vanished, and keeps the process running.
      const timer = setTimeout(() => socket.terminate?.(), CLOSE_WITHIN);
      socket.addEventListener("close", () => clearTimeout(timer));
    }
    this.#wake?.();
  }

  #take(data: unknown): void {
    if (this.ended) return;
    this.#heard = Date.now();
    if (typeof data !== "string") {
      return this.end({ code: null, reason: "what came was no text" });
    }
    // One frame is always taken: a message over the bound would else stop the stream for ever.
    if (this.#held > 0 && this.#held + data.length > this.#bound) {
      this.end({ code: null, reason: "the reader is slow", full: true });
      return this.#onFull();
    }
    this.#held += data.length;
    this.#frames.push(data);
    this.#wake?.();
  }

  /**
   * A socket whose other side has vanished may never say so. The clock on the wall is looked at
   * again and again, since a timer stands still while a tab or a machine sleeps.
   */
  #look(): void {
    clearTimeout(this.#timer);
    const left = this.#silentAfter - (Date.now() - this.#heard);
    if (left <= 0) this.end({ code: null, reason: "silent" });
    else this.#timer = setTimeout(() => this.#look(), Math.min(left, LOOK_EVERY));
  }

  async #changed(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}
