"""The control plane as a service of `bond serve`, in the server's nursery."""

import logging
import socket

import trio
from bond_server.access.accepting import within_descriptors
from bond_server.access.limits import Seats
from bond_server.access.port import rules_of
from bond_server.doors import Server

from bond_core.config import cannot_listen
from bond_rest.app import make_app
from bond_rest.bodies import MAX_BODY
from bond_rest.config import RestConfig
from bond_rest.front import Front
from bond_rest.guard import Guard
from bond_rest.making import Maker
from bond_rest.pages import Pages
from bond_rest.store import Store
from bond_rest.streams import Streams

logger = logging.getLogger("bond.rest")

FILE = "streams.db"
DRAIN = 3.0
"""Seconds for requests to end when the server stops."""
SHARE = 0.25
"""Of the process's descriptors."""


async def serve(
  config: RestConfig,
  server: Server,
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Starts the stored streams again, then serves until the server stops."""
  store = Store(None if server.folder is None else server.folder / FILE)
  await store.open()
  try:
    streams = Streams(server, store, config)
    rules = rules_of(
      config.host,
      hosts=config.hosts,
      origins=config.origins,
      own_pages=True,
      allow_option="--api-allow-host",
    )
    if rules.names is not None:
      logger.warning("%s", rules.names)
    guard = Guard(server, rules)
    routes = make_app(server, store, streams, guard, config)
    app = Pages(routes, server.doors, guard, max_body=MAX_BODY)
    seats = Seats(within_descriptors(config.limits, SHARE))
    with _listener(config) as listener:
      async with trio.open_nursery() as nursery:
        front = Front(
          app,
          server.doors,
          rules=rules,
          seats=seats,
          within=config.request_within,
          nursery=nursery,
        )
        nursery.start_soon(front.listen, listener)
        await streams.restore()
        server.maker = Maker(streams)
        task_status.started([_url(listener)])
        await server.stopping.wait()
        await front.drain(DRAIN)
        nursery.cancel_scope.cancel()
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
      listener.listen(1024)
      listener.setblocking(False)
    except OSError:
      listener.close()
      raise
  except OSError as exc:
    raise cannot_listen(
      config.host, config.port, exc, host_option="--api-host", port_option="--api-port"
    ) from exc
  return listener


def _url(listener: socket.socket) -> str:
  host, port = listener.getsockname()[:2]
  return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
