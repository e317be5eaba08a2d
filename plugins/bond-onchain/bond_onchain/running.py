"""A source of Solana while it runs: one stream that is taken up again where it was cut."""

import attrs
import trio
from bond_bridge.bridge import iterate_in_thread

from bond_core import Batch, BondError, Disconnected, Out, Refused, RetryAfter, SourceContext, leaf
from bond_core.feeds import Backoff
from bond_core.hosting import simulator
from bond_onchain.channel import Call, Node, NoReplay, failure, node_of
from bond_onchain.config import Solana
from bond_onchain.requests import included_by, request_of
from bond_onchain.stream import Stream

SIMULATOR = "geyser"

SILENCE = 30.0
"""Seconds without any message, pings included, after which a connection counts as dead. There is a
block every 0.4 s and a ping every 10 or 15 s; and nodes store about 100 slots, so that what is not
taken up within 40 s is lost."""

GATHER = 0.01
"""Seconds in which updates come together, of a slot's 0.4: where each wakes two threads of its own,
2,500 updates/s come through instead of 6,900 (tests/benchmarks GEYSER)."""

LASTING = 30.0
"""A stream that was up for so many seconds was no failure."""


async def run_solana(config: Solana, out: Out, ctx: SourceContext) -> None:
  """Sends events until cancelled. Raises Refused where a person has to act."""
  if config.endpoint is not None or not config.is_mock():
    await _run(config, out, ctx)
    return
  try:
    async with simulator(SIMULATOR) as url:
      ctx.log.warning("simulated: the chain is bond sim %s at %s", SIMULATOR, url)
      await _run(attrs.evolve(config, endpoint=url), out, ctx)
  except BondError as error:
    # A simulator that does not start will not do so the next time either.
    if isinstance(error, Refused):
      raise
    told = f"{error}; or name a node: GRPC_ENDPOINT=host:port, with its x-token in GRPC_TOKEN"
    raise Refused(told) from None


async def _run(config: Solana, out: Out, ctx: SourceContext) -> None:
  node = node_of(config)
  mints = included_by(config)
  if mints and not (config.accounts or config.addresses):
    ctx.log.warning(
      "only transactions that name the mint are read; a plain Transfer does not, so set complete: "
      "true to miss none (that reads every transaction of the chain)"
    )
  stream = Stream(config)
  backoff = Backoff()
  while True:
    started = trio.current_time()
    request = request_of(config, stream.begin(ctx.clock.now_ms()))
    try:
      await _connected(Call(node, request), stream, node, out, ctx)
    except (Disconnected, RetryAfter) as exc:
      if trio.current_time() - started > LASTING:
        backoff.reset()
      wait = exc.seconds if isinstance(exc, RetryAfter) else backoff.delay()
      refused = isinstance(exc, NoReplay)
      oldest = exc.oldest if isinstance(exc, NoReplay) else 0
      if oldest:
        wait = min(wait, 1.0)
      stream.cut(str(exc), ctx.clock.now_ms(), refused=refused, oldest=oldest)
      ctx.log.warning("%s; connecting again in %.1f s", exc, wait)
      await trio.sleep(wait)


async def _connected(call: Call, stream: Stream, node: Node, out: Out, ctx: SourceContext) -> None:
  """Reads one connection until it ends, which is always an error."""
  import grpc

  try:
    async with iterate_in_thread(lambda: call, stop=call.close) as receive:
      while True:
        with trio.move_on_after(SILENCE) as quiet:
          updates = await receive()
        if quiet.cancelled_caught:
          raise Disconnected(f"the Geyser node said nothing for {SILENCE:.0f} s, not even a ping")
        batch: Batch = []
        for update in updates:
          if update.HasField("ping"):
            call.ask(stream.pong())
          else:
            batch += stream.take(update, ctx.clock.now_ms())
        if batch:
          await out.send(batch)
        elif stream.live:
          ctx.live()
        await trio.sleep(GATHER)
  except trio.EndOfChannel:
    raise Disconnected("the Geyser node ended the stream") from None
  except Exception as exc:
    error = leaf(exc)
    if isinstance(error, grpc.RpcError):
      raise failure(error, node) from None
    if isinstance(error, trio.EndOfChannel):
      raise Disconnected("the Geyser node ended the stream") from None
    raise error from None
