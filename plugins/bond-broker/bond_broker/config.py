"""How a broker is set up: the options of `bond serve` and the keys of broker.websocket."""

import attrs
from bond_server.access import origins as written
from bond_server.access.limits import ConnectionLimits
from bond_server.options import each, option, port as check_port

from bond_core import Duration, Size


@attrs.frozen(kw_only=True)
class BrokerConfig:
  """Where it listens, who may connect, and how much one client may subscribe to."""

  host: str = option("127.0.0.1", "--host", "Address that the broker listens on.", "BOND_HOST")
  port: int = option(
    8080, "--port", "Port of the broker; 0 = any.", "BOND_PORT", validator=check_port
  )
  unix: str | None = option(None, "--unix", "Listen on this Unix socket too.", "BOND_UNIX")
  tls_cert: str | None = option(
    None, "--tls-cert", "Certificate chain (PEM) for TLS.", "BOND_TLS_CERT"
  )
  tls_key: str | None = option(None, "--tls-key", "Its private key (PEM).", "BOND_TLS_KEY")
  origins: list[str] = option(
    attrs.Factory(list),
    "--origin",
    "Web page origin that may connect; repeatable.",
    "BOND_ORIGINS",
    validator=each(written.origin),
  )
  hosts: list[str] = option(
    attrs.Factory(list),
    "--allow-host",
    "Name this server is reached by; repeatable.",
    "BOND_HOSTS",
    validator=each(written.host),
  )
  reuse_port: bool = option(
    False, "--reuse-port", "Let several processes listen on the port (SO_REUSEPORT)."
  )
  heartbeat: Duration = option(
    Duration(30.0), "--heartbeat", "Time between heartbeats to a client."
  )
  handshake_within: Duration = option(
    Duration(5.0), "--handshake-within", "Time to send a request, and then the first message."
  )
  stalled_after: Duration = option(
    Duration(120.0), "--stalled-after", "A client that takes nothing for so long is closed."
  )
  max_unread: Size = option(
    Size(128 * 1024 * 1024),
    "--max-unread",
    "Memory for what clients have not read yet; beyond it those that stalled longest are closed.",
  )
  max_message: Size = option(Size(64 * 1024), "--max-message", "Largest message of a client.")
  max_clients: int = option(20_000, "--max-clients", "Connections in all.")
  max_per_address: int = option(1_000, "--max-per-address", "Connections from one address.")
  max_per_principal: int = option(
    1_000, "--max-per-principal", "Connections with the same credentials."
  )
  max_subscriptions: int = option(
    10_000, "--max-subscriptions", "Subscriptions with the same credentials."
  )
  max_markets: int = option(
    50_000,
    "--max-markets",
    "Markets with the same credentials, each for every channel and venue.",
  )
  max_unknown: int = option(
    200, "--max-unknown", "Markets in a minute that no venue has, with the same credentials."
  )

  @property
  def limits(self) -> ConnectionLimits:
    """How much there may be at once."""
    return ConnectionLimits(
      connections=self.max_clients,
      per_address=self.max_per_address,
      per_principal=self.max_per_principal,
      subscriptions=self.max_subscriptions,
      markets=self.max_markets,
      unknown_a_minute=self.max_unknown,
    )
