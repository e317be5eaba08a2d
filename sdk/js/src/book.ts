import type { Gap, Level, OrderBook } from "./events.js";
import type { Message } from "./messages.js";

/** Which instrument a book is of; without `symbol`, of the first that comes. */
export interface Instrument {
  exchange: string;
  symbol: string;
  market_type?: string | null;
  expiry?: string | null;
}

/**
 * An order book from the messages of a subscription with `deltas: true`: a snapshot, then changes,
 * each of which names the one before it. A change that does not follow makes the book unknown until
 * the next snapshot, which the server sends by itself; a gap that may concern it until that, or
 * until a change that follows shows that nothing is missing.
 */
export class Book {
  /** Whether it is known: both sides are empty while it is not. */
  whole = false;
  /** The venue's number of this state, or of the one in which a gap came. */
  sequence: number | null = null;
  /** The last message that changed it. */
  last: OrderBook | undefined;
  #instrument: Instrument | undefined;
  #bids: Level[] = [];
  #asks: Level[] = [];

  constructor(instrument?: Instrument) {
    this.#instrument = instrument;
  }

  /** Bids, the best first. */
  get bids(): readonly Readonly<Level>[] {
    return this.whole ? this.#bids : [];
  }

  /** Asks, the best first. */
  get asks(): readonly Readonly<Level>[] {
    return this.whole ? this.#asks : [];
  }

  /**
   * Takes any message; those of other instruments and kinds change nothing. Returns whether the
   * book is another now.
   */
  take(message: Message): boolean {
    if (message.type === "gap") return this.#concerns(message) && this.#doubt();
    if (message.type !== "orderbook" || message.update_type === undefined) return false;
    if (!this.#isOf(message)) return false;
    if (message.update_type === "snapshot") {
      this.#bids = message.bids.map(copy);
      this.#asks = message.asks.map(copy);
    } else {
      if (!this.#follows(message)) return this.#lose();
      for (const level of message.bids) change(this.#bids, level, -1);
      for (const level of message.asks) change(this.#asks, level, 1);
    }
    this.whole = true;
    this.sequence = message.sequence;
    this.last = message;
    return true;
  }

  #isOf(message: OrderBook): boolean {
    const mine = (this.#instrument ??= {
      exchange: message.exchange,
      symbol: message.symbol,
      market_type: message.market_type,
      expiry: message.expiry,
    });
    return (
      mine.exchange === message.exchange &&
      mine.symbol === message.symbol &&
      (mine.market_type === undefined || mine.market_type === message.market_type) &&
      (mine.expiry === undefined || mine.expiry === message.expiry)
    );
  }

  #concerns({ channel, exchange, symbol, market_type }: Gap): boolean {
    const mine = this.#instrument;
    return (
      (channel === "*" || channel === "orderbook") &&
      (!mine ||
        ((exchange === "*" || exchange === mine.exchange) &&
          (symbol === "*" || symbol === mine.symbol) &&
          (market_type === null || !mine.market_type || market_type === mine.market_type)))
    );
  }

  /** Where nothing is numbered, a change after a gap follows nothing that is known. */
  #follows({ prev_sequence }: OrderBook): boolean {
    return prev_sequence === this.sequence && (this.whole || this.sequence !== null);
  }

  #doubt(): boolean {
    const was = this.whole;
    this.whole = false;
    return was;
  }

  #lose(): boolean {
    const was = this.#doubt();
    this.sequence = null;
    this.#bids = [];
    this.#asks = [];
    return was;
  }
}

function copy([price, size]: Level): Level {
  return [price, size];
}

/** Sets a level of one side, whose prices rise or fall; size 0 removes it. */
function change(side: Level[], [price, size]: Level, rising: 1 | -1): void {
  let low = 0;
  let high = side.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (((side[middle] as Level)[0] - price) * rising < 0) low = middle + 1;
    else high = middle;
  }
  const found = side[low];
  if (found?.[0] === price) {
    if (size === 0) side.splice(low, 1);
    else found[1] = size;
  } else if (size !== 0) {
    side.splice(low, 0, [price, size]);
  }
}
