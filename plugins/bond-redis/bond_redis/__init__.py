"""The log on Redis Streams, so that several processes write and read one feed."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from bond_core import LogType, hookimpl
from bond_core.logs import Engine
from bond_redis.config import Streams


@asynccontextmanager
async def _open(config: Any, name: str) -> AsyncIterator[Engine]:
  # coredis takes 0.4 s to import.
  from bond_redis.engine import open_engine

  async with open_engine(config, name) as engine:
    yield engine


async def _remove(config: Any, name: str) -> None:
  from bond_redis.engine import open_engine

  async with open_engine(config, name) as engine:
    await engine.remove()


@hookimpl
def bond_register_logs() -> Iterable[LogType]:
  return [
    LogType(
      name="redis.streams",
      summary="Redis Streams (or Valkey): it outlives the process, and other processes follow it.",
      config=Streams,
      open=_open,
      remove=_remove,
      ring=Streams.ring,
      environment=("REDIS_URL",),
      example="{url: redis://localhost:6379, maxlen: 1000}",
    )
  ]
