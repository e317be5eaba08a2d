"""How the control plane is set up: options of `bond serve`."""

import attrs
from bond_server.access import origins as written
from bond_server.access.limits import ConnectionLimits
from bond_server.options import each, option, port as check_port

from bond_core import Duration


@attrs.frozen(kw_only=True)
class RestConfig:
  """Where it listens, and what one caller may have."""

  host: str = option(
    "127.0.0.1", "--api-host", "Address that the control plane listens on.", "BOND_API_HOST"
  )
  port: int = option(
    8000,
    "--api-port",
    "Port of the control plane; 0 = any.",
    "BOND_API_PORT",
    validator=check_port,
  )
  ws_host: str | None = option(
    None, "--ws-host", "HOST:PORT or URL of the broker in the answers' ws_url.", "WS_HOST"
  )
  token_ttl: Duration = option(
    Duration(3600.0), "--token-ttl", "How long a stream's token is valid.", "BOND_TOKEN_TTL"
  )
  max_streams: int = option(
    5, "--max-streams", "Streams of one caller; 0 = no limit.", "BOND_MAX_STREAMS"
  )
  max_held: int = option(
    500_000,
    "--max-held",
    "Events and keys that the transforms of one caller's streams may hold; 0 = no limit.",
    "BOND_MAX_HELD",
  )
  max_node_sources: int = option(
    5,
    "--max-node-sources",
    "Sources of one caller at each of this machine's own nodes (EVM_ENDPOINT, GRPC_ENDPOINT); "
    "0 = no limit.",
    "BOND_MAX_NODE_SOURCES",
  )
  no_restore: bool = option(
    False,
    "--no-restore",
    "Leave stored streams as they are: listed, and not running.",
    "BOND_NO_RESTORE",
  )
  origins: list[str] = option(
    attrs.Factory(list),
    "--api-origin",
    "Web page origin that may use the control plane; repeatable.",
    "BOND_API_ORIGINS",
    validator=each(written.origin),
  )
  hosts: list[str] = option(
    attrs.Factory(list),
    "--api-allow-host",
    "Name the control plane is reached by; repeatable.",
    "BOND_API_HOSTS",
    validator=each(written.host),
  )
  request_within: Duration = option(
    Duration(5.0), "--api-request-within", "Time to send a request's head, and then its body."
  )
  max_clients: int = option(1_000, "--api-max-clients", "Connections to the control plane in all.")
  max_per_address: int = option(
    200, "--api-max-per-address", "Connections to the control plane from one address."
  )

  @property
  def limits(self) -> ConnectionLimits:
    """How many connections there may be at once. Each is one request: none waits for a name."""
    return ConnectionLimits(
      connections=self.max_clients,
      waiting=0,
      waiting_per_address=0,
      per_address=self.max_per_address,
      per_principal=0,
    )
