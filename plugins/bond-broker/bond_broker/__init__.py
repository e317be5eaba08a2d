"""The broker for Bond: one WebSocket for every venue."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from bond_core import ServiceType, Sink, SinkContext, SinkType, hookimpl

if TYPE_CHECKING:
  import trio


def _websocket(config: Any, context: SinkContext) -> AbstractAsyncContextManager[Sink]:
  from bond_broker.sink import websocket

  return websocket(config, context)


async def _serve(config: Any, server: Any, *, task_status: "trio.TaskStatus[list[str]]") -> None:
  from bond_broker.service import serve

  await serve(config, server, task_status=task_status)


@hookimpl
def bond_register_sinks() -> Iterable[SinkType]:
  from bond_broker.config import BrokerConfig

  yield SinkType(
    name="broker.websocket",
    summary="Serves the events on a WebSocket, /ws/STREAM_ID, with replay and resume.",
    config=BrokerConfig,
    make=_websocket,
    publishes=True,
    example="{port: 8080}",
  )


@hookimpl
def bond_register_services() -> Iterable[ServiceType]:
  from bond_broker.config import BrokerConfig

  yield ServiceType(
    name="broker",
    summary="The market and the streams on WebSockets: /stream, /raw, /ws/STREAM_ID.",
    config=BrokerConfig,
    serve=_serve,
  )
