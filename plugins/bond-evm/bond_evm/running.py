"""Runs the source: opens connections to a node and drives the stream over them."""

from collections.abc import Iterator

import trio

from bond_core import Batch, BondError, Disconnected, Out, Refused, RetryAfter, SourceContext
from bond_core.config import vetted_addresses
from bond_core.feeds import Backoff
from bond_core.hosting import simulator
from bond_core.websockets import HandshakeRefused, WebSocket, open_websocket
from bond_evm.config import Evm, Node
from bond_evm.stream import Now, Stream

SIMULATOR = "evm"
TICK = 0.25
LASTING = 30.0
"""A connection that was up for so many seconds was no failure."""

MAX_MESSAGE = 128 * 1024 * 1024
"""Bytes: 10,000 logs are about ten million."""


async def run_evm(config: Evm, out: Out, ctx: SourceContext) -> None:
  """Sends events until cancelled. Raises Refused where a person has to act."""
  if config.endpoint is not None or not config.is_mock():
    await _run(config, config.node(), out, ctx)
    return
  try:
    async with simulator(SIMULATOR) as url:
      ctx.log.warning("simulated: the chain is bond sim %s at %s", SIMULATOR, url)
      node = Node(url=f"ws{url.removeprefix('http')}/{config.chain}")
      await _run(config, node, out, ctx)
  except BondError as error:
    # A simulator that does not start will not do so the next time either.
    if isinstance(error, Refused):
      raise
    told = f"{error}; or name a node: EVM_ENDPOINT=wss://HOST/PATH, or url in the spec"
    raise Refused(told) from None


async def _run(config: Evm, node: Node, out: Out, ctx: SourceContext) -> None:
  stream = Stream(config)
  backoff = Backoff()
  try:
    while True:
      started = trio.current_time()
      try:
        await _connected(node, stream, out, ctx)
      except Exception as exc:
        error = _cause(exc)
        told = str(error)
        wait = error.seconds if isinstance(error, RetryAfter) else 0.0
      if trio.current_time() - started > LASTING:
        backoff.reset()
      wait = max(wait, backoff.delay())
      stream.closed(told, _now(ctx))
      ctx.log.warning("%s; connecting again in %.1f s", told, wait)
      await trio.sleep(wait)
  finally:
    # An outage or a backfill that is still open when reading ends is declared too.
    if batch := stream.ended(_now(ctx)):
      with trio.move_on_after(1, shield=True):
        await out.send(batch)


def _cause(exc: Exception) -> Disconnected | RetryAfter:
  """Why a connection ended; reading and writing may both have noticed. Anything else is raised."""
  ends: list[Disconnected | RetryAfter] = []
  for error in _leaves(exc):
    if not isinstance(error, (Disconnected, RetryAfter)):
      raise error from None
    ends.append(error)
  return ends[0]


def _leaves(exc: BaseException) -> Iterator[BaseException]:
  if isinstance(exc, BaseExceptionGroup):
    for inner in exc.exceptions:
      yield from _leaves(inner)
  else:
    yield exc


async def _connected(node: Node, stream: Stream, out: Out, ctx: SourceContext) -> None:
  """Reads one connection until it ends, which is always an error."""
  addresses = None
  if node.allowance is not None:
    addresses = await vetted_addresses(node.url, node.allowance)
  try:
    async with open_websocket(
      node.url, addresses=addresses, max_message_bytes=MAX_MESSAGE
    ) as websocket:
      stream.opened(_now(ctx))
      await _post(websocket, stream)
      async with trio.open_nursery() as nursery:
        nursery.start_soon(_tick, websocket, stream, out, ctx)
        while True:
          frames = await websocket.receive()
          await _put(websocket, stream, stream.take(frames, _now(ctx)), out, ctx)
  except HandshakeRefused as exc:
    raise _refusal(exc, known=stream.height is not None) from None


async def _tick(websocket: WebSocket, stream: Stream, out: Out, ctx: SourceContext) -> None:
  while True:
    await trio.sleep(TICK)
    await _put(websocket, stream, stream.timer(_now(ctx)), out, ctx)


async def _put(
  websocket: WebSocket, stream: Stream, batch: Batch, out: Out, ctx: SourceContext
) -> None:
  if batch:
    await out.send(batch)
  elif stream.live:
    ctx.live()
  await _post(websocket, stream)


async def _post(websocket: WebSocket, stream: Stream) -> None:
  messages, stream.outbox = stream.outbox, []
  for message in messages:
    await websocket.send(message)


def _refusal(exc: HandshakeRefused, *, known: bool) -> Exception:
  """What an answer of HTTP means: who has to act. A node that is `known` to have worked is asked
  again. The URL is not repeated: it may hold a key."""
  told = f"the node answered HTTP {exc.status}"
  if exc.status in (401, 403) and not known:
    return Refused(f"{told}; look at the key in its URL (EVM_ENDPOINT, or url in the spec)")
  if exc.status in (404, 405) and not known:
    return Refused(f"{told}; name its websocket, such as wss://HOST/ws")
  if exc.status == 429:
    wait = exc.headers.get("retry-after", "")
    return RetryAfter(float(wait) if wait.isdigit() else 30.0, told)
  return Disconnected(told)


def _now(ctx: SourceContext) -> Now:
  return Now(ctx.clock.now_ms(), trio.current_time())
