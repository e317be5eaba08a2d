"""Carries the requests of a filtered stream, and what X sends."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import trio

from bond_core import Disconnected
from bond_x.account import Account
from bond_x.answers import Answer, Call, OpenStream
from bond_x.client import ANSWER_WITHIN, CONNECT_WITHIN, open_client
from bond_x.filtered_stream import STREAM, Message, Request

MAX_REASON = 16 * 1024

PLAIN = {"accept-encoding": "identity"}
"""X compresses the stream for clients that accept gzip, as httpx does by itself; what is read here
are its bytes as they come."""


class XTransport:
  """Requests of an account. The stream, once it is requested, is read beside them."""

  def __init__(self, client: httpx.AsyncClient, nursery: trio.Nursery) -> None:
    self._client = client
    self._nursery = nursery
    # A reader that waited here would leave the client's generators to the garbage collector when it
    # is cancelled. The session takes each message before the next one is read.
    self._put, self._messages = trio.open_memory_channel[Message](math.inf)

  async def receive(self) -> list[Message]:
    """The next message."""
    return [await self._messages.receive()]

  async def send(self, request: Request) -> None:
    """Sends a request. Its answer is a message."""
    if isinstance(request, OpenStream):
      self._nursery.start_soon(self._read_stream, request)
      return
    try:
      answer = await self._client.request(request.method, request.path, json=request.body)
    except httpx.HTTPError as exc:
      raise _failed(exc) from None
    self._put_answer(request, answer, answer.content)

  async def _read_stream(self, request: OpenStream) -> None:
    # The session watches for silence.
    timeout = httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN, read=None)
    try:
      async with self._client.stream(
        "GET", STREAM, params=dict(request.params), headers=PLAIN, timeout=timeout
      ) as answer:
        self._put_answer(request, answer, b"" if answer.is_success else await _beginning(answer))
        if answer.is_success:
          async for data in answer.aiter_raw():
            self._put.send_nowait(data)
    except httpx.HTTPError as exc:
      raise _failed(exc) from None
    if answer.is_success:
      raise Disconnected("X ended the stream")

  def _put_answer(self, request: Call | OpenStream, answer: httpx.Response, body: bytes) -> None:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    self._put.send_nowait(Answer(request, answer.status_code, headers, body))


@asynccontextmanager
async def open_transport(account: Account) -> AsyncIterator[XTransport]:
  """A transport for the requests of an account."""
  async with open_client(account) as client, trio.open_nursery() as nursery:
    yield XTransport(client, nursery)
    nursery.cancel_scope.cancel()


async def _beginning(answer: httpx.Response) -> bytes:
  """What X says to a stream that it refuses; no more than its reason is read."""
  found = b""
  async for data in answer.aiter_bytes():
    found += data
    if len(found) > MAX_REASON:
      break
  return found[:MAX_REASON]


def _failed(exc: httpx.HTTPError) -> Disconnected:
  return Disconnected(f"the connection to X failed: {type(exc).__name__}")
