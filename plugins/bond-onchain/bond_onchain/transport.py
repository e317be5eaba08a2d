"""A subscription to a Geyser node over gRPC, in a thread of its own."""

import queue
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
import trio
from bond_bridge.bridge import iterate_in_thread
from bond_geyser import geyser_pb2 as pb
from google.protobuf.message import DecodeError

from bond_core import Disconnected
from bond_core.websockets import note_answer
from bond_onchain.node import Node
from bond_onchain.session import Subscribe
from bond_onchain.status import end_of

SUBSCRIBE = "/geyser.Geyser/Subscribe"

MAX_MESSAGE = 32 * 1024 * 1024
"""Bytes; an account has 10 MiB at most, and nothing else comes near that."""

MOST_UNSENT = 100
"""Answers to pings that a node has not taken."""

GATHER = 0.01
"""Seconds in which updates come together, of a slot's 0.4: where each wakes two threads of its own,
2,500 updates/s come through instead of 6,900 (tests/benchmarks GEYSER)."""

# A load balancer may let a connection die without a word: HTTP/2 sends a ping every 15 s and waits
# 10 s for the answer. keepalive_timeout alone does not end a stream (grpcio 1.62 to 1.85): only
# ping_timeout does, a minute by default.
_OPTIONS = [
  ("grpc.keepalive_time_ms", 15_000),
  ("grpc.keepalive_timeout_ms", 10_000),
  ("grpc.http2.ping_timeout_ms", 10_000),
  ("grpc.http2.max_pings_without_data", 0),
  ("grpc.max_receive_message_length", MAX_MESSAGE),
  # The core's back-off decides when to try again.
  ("grpc.enable_retries", 0),
  ("grpc.use_local_subchannel_pool", 1),
]


class Sized(NamedTuple):
  """An update, and how many bytes it was."""

  update: pb.SubscribeUpdate
  size: int


class GeyserCall:
  """One subscription. Iterating blocks and gives updates; `send` and `close` may be called from any
  thread."""

  def __init__(self, node: Node, request: pb.SubscribeRequest) -> None:
    if node.tls:
      self._channel = grpc.secure_channel(node.target, grpc.ssl_channel_credentials(), _OPTIONS)
    else:
      self._channel = grpc.insecure_channel(node.target, _OPTIONS)
    self._requests: queue.SimpleQueue[pb.SubscribeRequest | None] = queue.SimpleQueue()
    # Some balancers want a request in the first packet.
    self._requests.put(request)
    subscribe = self._channel.stream_stream(
      SUBSCRIBE,
      request_serializer=pb.SubscribeRequest.SerializeToString,
      # Read here: grpcio logs a traceback for each update that is none.
      response_deserializer=bytes,
    )
    metadata = (("x-token", node.token),) if node.token else ()
    self._call: Any = subscribe(iter(self._requests.get, None), metadata=metadata)

  def __iter__(self) -> Iterator[Sized]:
    for data in self._call:
      try:
        yield Sized(pb.SubscribeUpdate.FromString(data), len(data))
      except DecodeError:
        raise Disconnected("the Geyser node sent what is no update") from None

  def headers(self) -> dict[str, str | bytes]:
    """The headers of the node's answer. Blocks until it has answered."""
    return dict(self._call.initial_metadata())

  def send(self, request: pb.SubscribeRequest) -> None:
    """Sends a request on the open stream. Raises Disconnected where the node takes none."""
    if self._requests.qsize() >= MOST_UNSENT:
      raise Disconnected("the Geyser node takes no requests")
    self._requests.put(request)

  def close(self) -> None:
    """Ends the call and its connection."""
    self._requests.put(None)
    self._call.cancel()
    self._channel.close()


class GeyserTransport:
  """Updates in batches, as they gather."""

  def __init__(
    self, call: GeyserCall, receive: Callable[[], Awaitable[list[Sized]]], node: Node
  ) -> None:
    self._call = call
    self._receive = receive
    self._node = node
    self._received = False

  async def receive(self) -> list[pb.SubscribeUpdate]:
    """The next updates, at least one."""
    if self._received:
      await trio.sleep(GATHER)
    try:
      updates = await self._receive()
    except trio.EndOfChannel:
      raise Disconnected("the Geyser node ended the stream") from None
    except grpc.RpcError as error:
      # What the stubs do not say: an error of a call is the call itself.
      call: Any = error
      details = str(call.details() or "no reason given")
      raise end_of(call.code().name, details, self._node) from None
    if not self._received:
      self._received = True
      note_answer(self._call.headers())
    return [update for update, _ in updates]

  async def send(self, request: pb.SubscribeRequest) -> None:
    """Sends a request."""
    self._call.send(request)
    await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_transport(subscribe: Subscribe) -> AsyncIterator[GeyserTransport]:
  """A new subscription."""
  call = GeyserCall(subscribe.node, subscribe.request)
  async with iterate_in_thread(
    lambda: call, stop=call.close, weigh=lambda one: one.size
  ) as receive:
    yield GeyserTransport(call, receive, subscribe.node)
