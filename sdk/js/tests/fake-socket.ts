import type { SocketEvent } from "../src/index.js";

/** A socket whose other side is the test. */
export class FakeSocket {
  static made: FakeSocket[] = [];
  sent: string[] = [];
  closed = false;
  #listeners = new Map<string, ((event: SocketEvent) => void)[]>();

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
  }

  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  /** Something happens on it. */
  emit(type: "open" | "message" | "error" | "close", event: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...event });
  }
}
