"""Where the Geyser node of a configuration is."""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import attrs

from bond_core import Refused
from bond_onchain.config import Solana

PORT = 10000
ENDPOINT = "chi1.cracknode.com:10000"
"""The node for ONCHAIN_MODE=grpc where no other is named."""


@attrs.frozen
class Node:
  """A Geyser node: `target` is host:port; `token` is its x-token, empty for none."""

  target: str
  tls: bool
  token: str = attrs.field(default="", repr=False)


def node_of(config: Solana) -> Node:
  """Returns the node of a configuration. Raises Refused where it cannot be read."""
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
  return _read(endpoint, secret.strip())


def _read(endpoint: str, token: str) -> Node:
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
  name = f"[{host}]" if ":" in host else host
  return Node(f"{name}:{port}", tls, token)


def _is_local(host: str) -> bool:
  try:
    return host == "localhost" or ip_address(host).is_loopback
  except ValueError:
    return False
