/** Programs of users, as TypeScript reads the package that they install; nothing here is run. */
import { Book, Client, type Event, listen, type Message, Refused, type Status, Stream } from "kk0";
import Ws, { WebSocket as NamedWs } from "ws";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where two types are one. */
function same<A, B>(equal: Equal<A, B>): void {
  void equal;
}

export async function everything(signal: AbortSignal): Promise<void> {
  new Stream("ws://h/stream", { WebSocket: Ws });
  new Stream("ws://h/stream", { WebSocket: NamedWs });
  new Stream(new URL("ws://h/stream"), { WebSocket, signal, renew: async () => "ws://h" });
  // @ts-expect-error: a number is no class of sockets
  new Stream("ws://h/stream", { WebSocket: 1 });

  await using stream = new Stream();
  stream.subscribe({ channels: ["trades", "of tomorrow"], symbols: "BTC/USDT", signal });
  // @ts-expect-error: there is no such policy
  stream.subscribe({ policy: "nonsense" });

  const book = new Book();
  for await (const message of stream.subscribe({ from: new Date() })) {
    same<typeof message, Message>(true);
    switch (message.type) {
      case "trade":
        same<typeof message.price, number>(true);
        same<typeof message.side, "buy" | "sell" | "unknown">(true);
        break;
      case "orderbook":
        if (message.bbo)
          same<typeof message.bbo.state, "open" | "locked" | "crossed" | "one_sided">(true);
        else same<typeof message.update_type, "snapshot" | "delta">(true);
        if (book.take(message)) book.bids[0]?.[0].toFixed(2);
        break;
      case "gap":
        same<typeof message.missed, number | null>(true);
        break;
      case "system":
        same<typeof message.recovered, boolean | null>(true);
        break;
      default:
        // @ts-expect-error: a heartbeat has no price
        void message.price;
    }
  }

  for await (const event of listen("BTC price every 5s", { apiUrl: "http://h", signal })) {
    if (event.type === "window") same<typeof event.price_avg, number | null>(true);
    // @ts-expect-error: heartbeats are left out
    if (event.type === "heartbeat") return;
  }
  const { stream_id } = await new Client({ apiKey: "k" }).create({ sources: {} });
  same<typeof stream_id, string>(true);

  const said = (status: Status) => (status.state === "waiting" ? status.wait : 0);
  void new Stream("/stream", { onStatus: said });
  const handle = (error: unknown) => (error instanceof Refused ? error.code : 0);
  void handle;
  const kinds = (event: Event): string => event.type;
  void kinds;
}
