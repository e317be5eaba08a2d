"""The node on a port: gRPC, and HTTP/1.1 for the control endpoint.

gRPC's own server listens on another port, and all connections to it pass through here: only the
owner of a TCP connection can reset or freeze it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import grpc
import trio
from bond_geyser import geyser_pb2 as pb
from bond_simkit import HttpPeer, base_url, open_listeners, reset

from bond_core.websockets import SIMULATOR
from bond_sim.geyser.node import INTERNAL, OK, GeyserNode, GeyserSubscriber, GrpcStatus

T = TypeVar("T")

PREFACE = b"PRI * HTTP/2.0"
PING_EVERY = 10.0
STREAMS = 64
READ_BYTES = 64 * 1024

# A client may ping as often as it likes, as with the servers of providers.
_OPTIONS = (("grpc.http2.max_ping_strikes", 0),)

_CODES = {code.value[0]: code for code in grpc.StatusCode}


async def serve_node(
  node: GeyserNode,
  host: str,
  port: int,
  *,
  task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Serves until cancelled and reports the base URL. Port 0 takes a free one."""
  service = _Service(node, trio.lowlevel.current_trio_token())
  pool = ThreadPoolExecutor(STREAMS, thread_name_prefix="geyser")
  server = grpc.server(pool, handlers=[service.handlers()], options=_OPTIONS)
  inner = server.add_insecure_port("127.0.0.1:0")
  server.start()
  try:
    listeners = await open_listeners(host, port)
    async with trio.open_nursery() as nursery:
      await nursery.start(
        partial(trio.serve_listeners, partial(_serve_peer, node, inner), listeners)
      )
      task_status.started(base_url(host, listeners))
  finally:
    for subscriber in node.subscribers:
      subscriber.queue.put(GrpcStatus(OK, ""))
    server.stop(0)


class _Service:
  """The calls of gRPC, each in a thread of its own; they call the node on trio."""

  def __init__(self, node: GeyserNode, token: trio.lowlevel.TrioToken) -> None:
    self._node = node
    self._token = token

  def handlers(self) -> grpc.GenericRpcHandler:
    """The handlers of gRPC's server."""
    calls: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
      "Subscribe": grpc.stream_stream_rpc_method_handler(
        self._subscribe,
        request_deserializer=pb.SubscribeRequest.FromString,
        # Updates are encoded already, once for all subscribers.
        response_serializer=None,
      ),
      "GetVersion": grpc.unary_unary_rpc_method_handler(
        lambda request, context: pb.GetVersionResponse(version='{"package":"bond-sim"}'),
        request_deserializer=pb.GetVersionRequest.FromString,
        response_serializer=pb.GetVersionResponse.SerializeToString,
      ),
    }
    return grpc.method_handlers_generic_handler("geyser.Geyser", calls)

  def _on_trio(self, function: Callable[..., T], *args: object) -> T:
    return trio.from_thread.run_sync(function, *args, trio_token=self._token)

  def _subscribe(self, requests: Iterator[pb.SubscribeRequest], context: Any) -> Iterator[bytes]:
    token = dict(context.invocation_metadata()).get("x-token", "")
    try:
      subscriber = self._on_trio(self._node.opened, token)
      if isinstance(subscriber, GrpcStatus):
        context.abort(_CODES[subscriber.code], subscriber.details)
        return
    except trio.RunFinishedError:
      context.abort(_CODES[INTERNAL], "the node is shutting down")
      return
    context.send_initial_metadata(((SIMULATOR, "1"),))
    # Not at the end of the generator: gRPC may leave that to the garbage collector, in any thread.
    if not context.add_callback(lambda: self._gone(subscriber)):
      self._gone(subscriber)
      return
    threading.Thread(target=self._read, args=(subscriber, requests), daemon=True).start()
    yield from self._items(subscriber, context)

  def _gone(self, subscriber: GeyserSubscriber) -> None:
    subscriber.queue.put(GrpcStatus(OK, ""))
    try:
      self._token.run_sync_soon(self._node.gone, subscriber)
    except trio.RunFinishedError:
      # The node has ended before its subscribers.
      return

  def _items(self, subscriber: GeyserSubscriber, context: Any) -> Iterator[bytes]:
    ping = time.monotonic() + PING_EVERY
    while True:
      try:
        item = subscriber.queue.get(timeout=max(0.0, ping - time.monotonic()))
      except queue.Empty:
        ping += PING_EVERY
        try:
          self._on_trio(self._node.ping, subscriber)
        except trio.RunFinishedError:
          return
        continue
      if isinstance(item, GrpcStatus):
        if item.code:
          context.abort(_CODES[item.code], item.details)
        return
      yield item

  def _read(self, subscriber: GeyserSubscriber, requests: Iterator[pb.SubscribeRequest]) -> None:
    try:
      for request in requests:
        self._on_trio(self._node.request, subscriber, request)
    except (grpc.RpcError, trio.RunFinishedError):
      # The stream has ended, which gRPC reports to the stream's own thread.
      return


class _Pipe:
  """A client's connection, through to gRPC's server."""

  def __init__(self, client: trio.SocketStream, inner: trio.SocketStream) -> None:
    self._client = client
    self._inner = inner
    self._frozen = False
    self.scope = trio.CancelScope()

  async def run(self, first: bytes) -> None:
    """Passes on bytes both ways until one side ends."""
    with self.scope:
      await self._inner.send_all(first)
      async with trio.open_nursery() as nursery:
        nursery.start_soon(self._pass, self._client, self._inner, nursery.cancel_scope)
        nursery.start_soon(self._pass, self._inner, self._client, nursery.cancel_scope)

  async def _pass(
    self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope
  ) -> None:
    try:
      while data := await source.receive_some(READ_BYTES):
        if self._frozen:
          await trio.sleep_forever()
        await target.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
      # The end of this pipe ends the other side.
      pass
    scope.cancel()

  def freeze(self) -> None:
    """Lets nothing through any more."""
    self._frozen = True

  def reset(self) -> None:
    """Ends the connection; the client sees RST."""
    self.scope.cancel()


async def _serve_peer(node: GeyserNode, inner: int, stream: trio.SocketStream) -> None:
  first = b""
  while len(first) < len(PREFACE) and PREFACE.startswith(first):
    data = bytes(await stream.receive_some(READ_BYTES))
    if not data:
      return
    first += data
  if not first.startswith(PREFACE):
    await _control(node, stream, first)
    return
  async with await trio.open_tcp_stream("127.0.0.1", inner) as own:
    pipe = _Pipe(stream, own)
    node.connections.add(pipe)
    try:
      await pipe.run(first)
    finally:
      node.connections.discard(pipe)
    if pipe.scope.cancelled_caught:
      await reset(stream)


async def _control(node: GeyserNode, stream: trio.SocketStream, first: bytes) -> None:
  peer = HttpPeer(stream, stream.socket.getpeername()[0], first)
  while (request := await peer.request()) is not None:
    if not await peer.respond(await node.http(request)):
      return
