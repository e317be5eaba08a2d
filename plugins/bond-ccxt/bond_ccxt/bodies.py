"""Answers of venues through ccxt, with a bound: ccxt reads each whole, however long it is."""

from typing import Any

import aiohttp

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer, after it was unpacked. Lists of all markets are some tens of MiB at most."""


class _Bounded:
  """The content of an answer, of which so much is read and no more."""

  def __init__(self, content: aiohttp.StreamReader) -> None:
    self._content = content

  def __getattr__(self, name: str) -> Any:
    return getattr(self._content, name)

  async def read(self, n: int = -1) -> bytes:
    if n >= 0:
      return await self._content.read(n)
    parts, size = [], 0
    while part := await self._content.readany():
      parts.append(part)
      size += len(part)
      if size > MOST_BYTES:
        raise aiohttp.ClientPayloadError(f"the answer is longer than {MOST_BYTES} bytes")
    return b"".join(parts)


class BoundedResponse(aiohttp.ClientResponse):
  """An answer that is refused where it is too long."""

  async def start(self, connection: Any) -> aiohttp.ClientResponse:
    started = await super().start(connection)
    self.content: Any = _Bounded(self.content)
    return started


def bound_bodies(exchange: Any) -> None:
  """Has each session that ccxt opens for an exchange read bounded answers."""
  opened = exchange.open

  def open_bounded(*args: Any, **named: Any) -> Any:
    before = exchange.session
    found = opened(*args, **named)
    made = exchange.session
    if made is not None and made is not before and exchange.own_session:
      exchange.session = aiohttp.ClientSession(
        connector=made.connector,
        trust_env=exchange.aiohttp_trust_env,
        response_class=BoundedResponse,
      )
      made.detach()
    return found

  exchange.open = open_bounded
