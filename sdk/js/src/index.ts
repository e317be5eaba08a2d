/** Bond's live market data: a `Stream` is an iterator over what a server sends. */
export { Book, type Instrument } from "./book.js";
export {
  Client,
  type ClientOptions,
  type CreateOptions,
  type Heard,
  listen,
  type ListenOptions,
  type Listed,
  type Listening,
  type Made,
  type Metrics,
  type Spec,
  type Token,
} from "./client.js";
export type { SocketEvent, WebSocketClass, WebSocketLike } from "./connection.js";
export { ApiError, Refused, StreamError } from "./errors.js";
export type * from "./events.js";
export type * from "./messages.js";
export { type Status, Stream, type StreamOptions } from "./stream.js";
