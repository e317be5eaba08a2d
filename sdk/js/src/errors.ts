/** Base of the errors that end a stream. Others pass by themselves: the stream reconnects. */
export class StreamError extends Error {
  override name = "StreamError";
}

/**
 * The server refuses for good: a wrong token, a wrong request, a limit. `code` is the close code,
 * or the HTTP status where the runtime tells it; `reason` is what to do.
 */
export class Refused extends StreamError {
  override name = "Refused";

  constructor(
    readonly code: number,
    readonly reason: string,
  ) {
    super(`${reason || "the server gave no reason"} (${code})`);
  }
}

/** The control plane refused: its `status`, and its whole answer as `problem`. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly problem: Readonly<Record<string, unknown>>,
  ) {
    super(`${problem["detail"] ?? "no reason was given"} (${status})`);
  }
}
