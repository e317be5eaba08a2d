"""Connectors with the lifecycle connect, subscribe, iterate, shutdown as sources."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from bond_bridge import AsyncioThread

from bond_core import AnyEvent, Disconnected, Out, PluginError, SourceContext


class Connector(Protocol):
  """A connector; its methods are coroutines of asyncio or of trio."""

  async def connect(self) -> None:
    """Opens the connection."""

  async def subscribe(self) -> None:
    """Subscribes to what the connector was made for."""

  def __aiter__(self) -> "Connector":
    """The connector is its own iterator."""

  async def __anext__(self) -> Any:
    """The next event: one of Bond's, or a mapping in the wire form."""

  async def shutdown(self) -> None:
    """Closes the connection."""


def connector_source(
  make: Callable[[Any], Connector], *, asyncio: bool = True
) -> Callable[[Any, Out, SourceContext], Awaitable[None]]:
  """The `run` of a source, from a function that makes a connector from a configuration.

  With `asyncio` the connector runs on the process's asyncio thread, else on trio. Where its
  iteration ends or it loses its connection (OSError, EOFError), `run` raises Disconnected and the
  core connects again. PluginError for an event that is not one of Bond's.
  """

  async def run(config: Any, out: Out, ctx: SourceContext) -> None:
    connector = make(config)
    if asyncio:
      async with ctx.open_shared(AsyncioThread, AsyncioThread) as thread:
        await _run(connector, out, ctx, thread.run)
    else:
      await _run(connector, out, ctx, _call)

  return run


async def _call(method: Callable[[], Awaitable[Any]]) -> Any:
  return await method()


async def _run(
  connector: Connector,
  out: Out,
  ctx: SourceContext,
  call: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]],
) -> None:
  try:
    await call(connector.connect)
    await call(connector.subscribe)
    ctx.live()
    iterator = connector.__aiter__()
    while True:
      item = await call(iterator.__anext__)
      await out.send([_event(item, ctx.name)])
  except StopAsyncIteration as exc:
    raise Disconnected("the connector's stream ended") from exc
  except (OSError, EOFError) as exc:
    raise Disconnected(f"{type(exc).__name__}: {exc}") from exc
  finally:
    await call(connector.shutdown)


def _event(item: Any, name: str) -> AnyEvent:
  if isinstance(item, Mapping):
    try:
      event: AnyEvent = msgspec.convert(item, AnyEvent, strict=False)
    except msgspec.ValidationError as exc:
      raise PluginError(f"{name}: the connector gave an event that is not Bond's: {exc}") from exc
    return event
  return item  # type: ignore[no-any-return]
