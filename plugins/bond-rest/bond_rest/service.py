"""The control plane as a service of `bond serve`: hypercorn on trio, in the server's nursery."""

import logging
import socket
import sqlite3

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn

from bond_core import BondError
from bond_core.services import Server
from bond_rest.app import make_app
from bond_rest.config import RestConfig
from bond_rest.store import Store
from bond_rest.streams import Streams

FILE = "streams.db"
DRAIN = 3.0
# A connection that says nothing is closed after this many seconds.
KEEP_ALIVE = 30.0


async def serve(
  config: RestConfig,
  server: Server,
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Starts the stored streams again, then serves until the server stops."""
  store = Store(server.folder / FILE)
  try:
    await store.open()
  except (OSError, sqlite3.Error) as exc:
    raise BondError(f"{server.folder / FILE} cannot be opened: {exc}; see --data") from exc
  try:
    streams = Streams(server, store, config)
    app = make_app(server, store, streams, config)
    listener = _listener(config)
    async with trio.open_nursery() as nursery:
      binds = await nursery.start(_listen, app, _settings(listener), server)
      await streams.restore()
      task_status.started(binds)
  finally:
    await store.close()


def _listener(config: RestConfig) -> socket.socket:
  """The socket that it listens on. Raises BondError, which says what is in the way."""
  try:
    (family, kind, proto, _, address), *_ = socket.getaddrinfo(
      config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listener = socket.socket(family, kind, proto)
    try:
      listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      listener.bind(address)
    except OSError:
      listener.close()
      raise
  except OSError as exc:
    where = f"{config.host}:{config.port}"
    raise BondError(f"cannot listen on {where}: {exc.strerror}; choose another --api-port") from exc
  return listener


def _settings(listener: socket.socket) -> Config:
  settings = Config()
  settings.bind = [f"fd://{listener.detach()}"]
  settings.graceful_timeout = DRAIN
  settings.keep_alive_timeout = KEEP_ALIVE
  settings.h11_max_incomplete_size = 64 * 1024
  # Every answer's line would show its URL, and so its token.
  settings.accesslog = None
  settings.errorlog = logging.getLogger("bond.rest")
  settings.include_server_header = False
  return settings


async def _listen(
  app: object, settings: Config, server: Server, *, task_status: trio.TaskStatus[list[str]]
) -> None:
  await hypercorn(
    app,  # type: ignore[arg-type]
    settings,
    shutdown_trigger=server.stopping.wait,
    task_status=task_status,
  )
