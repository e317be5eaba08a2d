"""Where a Geyser node is, and the gRPC call to it."""

import os
import queue
import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
from bond_geyser import geyser_pb2 as pb

from bond_core import AuthError, Disconnected, Refused, RetryAfter
from bond_onchain.config import Solana

if TYPE_CHECKING:
  import grpc

SUBSCRIBE = "/geyser.Geyser/Subscribe"
PORT = 10000
ENDPOINT = "chi1.cracknode.com:10000"
"""The node that ONCHAIN_MODE=grpc means where no other is named."""
# "broadcast from 5 is not available, last available: 9": what is stored begins there.
_OLDEST = re.compile(r"last available: (\d{1,18})")

MAX_MESSAGE = 128 * 1024 * 1024

# A load balancer may let a connection die without a word: HTTP/2 asks every 15 s for a sign of life
# and waits 10 s for it. keepalive_timeout alone does not end a stream (grpcio 1.62 to 1.85): it is
# ping_timeout that does, a minute by default.
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


@attrs.frozen
class Node:
  """Where a node is: `target` is host:port; `token` is its x-token, empty for none."""

  target: str
  tls: bool
  token: str = attrs.field(default="", repr=False)


def node_of(config: Solana) -> Node:
  """The node that a configuration means."""
  endpoint = config.endpoint
  token = config.token
  if (mode := os.environ.get("ONCHAIN_MODE", "").strip().lower()) not in ("", "mock", "grpc"):
    raise Refused(f"ONCHAIN_MODE is {mode!r}; expected mock or grpc")
  if endpoint is None:
    endpoint = os.environ.get("GRPC_ENDPOINT", "").strip() or ENDPOINT
    # A token is for the endpoint that it was set beside, and goes to no other.
    secret = os.environ.get("GRPC_TOKEN", "") if token is None else token.reveal()
  else:
    secret = "" if token is None else token.reveal()
  return _parsed(endpoint, secret.strip())


def _parsed(endpoint: str, token: str) -> Node:
  url = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
  try:
    host, port = url.hostname, url.port
  except ValueError:
    host, port = None, None
  if not host or url.scheme not in ("", "http", "https") or url.path not in ("", "/"):
    raise Refused(
      "the endpoint of the Geyser node cannot be read; write host:port, https://host:port or, "
      "without TLS, http://host:port"
    )
  tls = url.scheme == "https" or (url.scheme == "" and not _is_local(host))
  if port is None:
    port = {"": PORT, "http": 80, "https": 443}[url.scheme]
  shown = f"[{host}]" if ":" in host else host
  return Node(f"{shown}:{port}", tls, token)


def _is_local(host: str) -> bool:
  try:
    return host == "localhost" or ip_address(host).is_loopback
  except ValueError:
    return False


class Call:
  """One subscription. Iterating blocks and gives updates; `ask` sends another request, `close` ends
  it from any thread."""

  def __init__(self, node: Node, request: pb.SubscribeRequest) -> None:
    import grpc

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
      response_deserializer=pb.SubscribeUpdate.FromString,
    )
    metadata = (("x-token", node.token),) if node.token else ()
    self._call: Any = subscribe(iter(self._requests.get, None), metadata=metadata)

  def __iter__(self) -> Iterator[pb.SubscribeUpdate]:
    return iter(self._call)

  def ask(self, request: pb.SubscribeRequest) -> None:
    """Sends a request on the open stream."""
    self._requests.put(request)

  def close(self) -> None:
    """Ends the call and lets go of the connection."""
    self._requests.put(None)
    self._call.cancel()
    self._channel.close()


def failure(error: "grpc.RpcError", node: Node) -> Exception:
  """What the end of a call means: who has to act, and without the token."""
  code = error.code().name
  details = str(error.details() or "no reason given")
  if node.token:
    details = details.replace(node.token, "…")
  told = f"the Geyser node {node.target} answered {code}: {details}"
  if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
    return AuthError(f"{told}; look at the x-token (GRPC_TOKEN, or token in the spec)")
  if code in ("INVALID_ARGUMENT", "UNIMPLEMENTED"):
    return Refused(f"{told}; change the source's filters or the endpoint")
  if code == "RESOURCE_EXHAUSTED":
    return RetryAfter(30.0, told)
  if code in ("OUT_OF_RANGE", "INTERNAL"):
    oldest = _OLDEST.search(details)
    return NoReplay(told, int(oldest[1]) if oldest else 0)
  return Disconnected(told)


class NoReplay(Disconnected):
  """The stream ended with a code that a node also gives where it cannot replay; `oldest` is the
  first slot that it has, 0 where it did not say."""

  def __init__(self, told: str, oldest: int = 0) -> None:
    super().__init__(told)
    self.oldest = oldest
