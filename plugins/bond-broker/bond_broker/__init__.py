"""The broker for Bond: one WebSocket for every venue."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from bond_core import ServiceSpec, Sink, SinkContext, SinkSpec, hookimpl


def _websocket(config: Any, context: SinkContext) -> AbstractAsyncContextManager[Sink]:
  from bond_broker.sink import websocket

  return websocket(config, context)


async def _serve(config: Any, runtime: Any, *, task_status: Any) -> None:
  from bond_broker.service import serve

  await serve(config, runtime, task_status=task_status)


@hookimpl
def bond_register_sinks() -> Iterable[SinkSpec]:
  from bond_broker.config import BrokerConfig

  yield SinkSpec(
    name="broker.websocket",
    summary="Serves the events on a WebSocket, /ws/STREAM_ID, with replay and resume.",
    config=BrokerConfig,
    make=_websocket,
    example="{port: 8080}",
  )


@hookimpl
def bond_register_services() -> Iterable[ServiceSpec]:
  from bond_broker.config import BrokerConfig

  yield ServiceSpec(
    name="broker",
    summary="The market and the streams on WebSockets: /stream, /raw, /ws/STREAM_ID.",
    config=BrokerConfig,
    serve=_serve,
  )
