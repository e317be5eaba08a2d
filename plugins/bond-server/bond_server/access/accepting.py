"""Takes connections, within the files that the process may have open.

Every port that `bond serve` opens has a share of the process's descriptors, and the rest is for
the server itself: its logs, its databases, its connections to venues. So neither port can be filled
to the harm of the other, or of those who are in.
"""

import errno
import logging
import resource
import socket
from collections.abc import Callable
from typing import Final

import attrs
import trio

from bond_server.access.limits import ConnectionLimits

logger = logging.getLogger("bond")

MOST_DESCRIPTORS: Final = 1 << 18
"""More than this many are not requested from the system."""
AT_ONCE: Final = 64
"""Connections that are taken before other tasks run."""
WAIT_WHEN_FULL: Final = 0.1
SAY_AGAIN: Final = 10.0
"""Seconds between two lines of the log about the same lack."""
_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def descriptors() -> int:
  """How many files and sockets this process may have open. The soft limit is raised to the hard one
  first: it is low for the sake of old programs (select), of which this is none."""
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
  if soft != resource.RLIM_INFINITY and soft < wanted:
    try:
      resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
      return soft
    return wanted
  return soft if soft != resource.RLIM_INFINITY else MOST_DESCRIPTORS


def within_descriptors(
  limits: ConnectionLimits, share: float, available: int | None = None
) -> ConnectionLimits:
  """The same limits, as far as a port with this share of the descriptors can keep them. A quarter
  of all, and at least 64, is the server's own. Where it is less than what was set, one address has
  at most half of it, and so have those that have not identified themselves; of them, one address
  has at most half. What has no limit has none here."""
  available = descriptors() if available is None else available
  room = max(4, int((available - max(64, available // 4)) * share))
  if limits.connections and limits.connections <= room:
    return limits
  half = room // 2
  return attrs.evolve(
    limits,
    connections=room,
    per_address=_lower(limits.per_address, half),
    waiting=_lower(limits.waiting, half),
    waiting_per_address=_lower(limits.waiting_per_address, half // 2),
  )


def _lower(limit: int, most: int) -> int:
  return min(limit, most) if limit else 0


async def accept_from(
  listener: socket.socket, take: Callable[[socket.socket, str | None], None]
) -> None:
  """Hands each connection of a listener, which does not block, to `take` with the client's
  address (None: a Unix socket), until it is cancelled."""
  silent_until = 0.0
  while True:
    await trio.lowlevel.wait_readable(listener)
    for _ in range(AT_ONCE):
      try:
        sock, peer = listener.accept()
      except BlockingIOError:
        break
      except OSError as exc:
        if exc.errno in _FULL:
          if trio.current_time() >= silent_until:
            silent_until = trio.current_time() + SAY_AGAIN
            logger.error("no more connections can be taken: %s; raise ulimit -n", exc.strerror)
          await trio.sleep(WAIT_WHEN_FULL)
        break
      take(sock, peer[0] if isinstance(peer, tuple) else None)
