"""How the control plane is set up: options of `bond serve`."""

from collections.abc import Callable
from typing import Any

import attrs
from bond_server.access import origins as written
from bond_server.access.limits import ConnectionLimits

from bond_core import Duration


def _option(default: Any, option: str, help_text: str, env: str | None = None, **more: Any) -> Any:
  return attrs.field(
    default=default, metadata={"option": option, "help": help_text, "env": env}, **more
  )


def _each(check: Callable[[str], str]) -> Callable[[Any, Any, list[str]], None]:
  def validate(config: Any, attribute: Any, values: list[str]) -> None:
    for value in values:
      check(value)

  return validate


@attrs.frozen(kw_only=True)
class RestConfig:
  """Where it listens, and what one caller may have."""

  host: str = _option(
    "127.0.0.1", "--api-host", "Address that the control plane listens on.", "BOND_API_HOST"
  )
  port: int = _option(8000, "--api-port", "Port of the control plane; 0 = any.", "BOND_API_PORT")
  ws_host: str | None = _option(
    None, "--ws-host", "HOST:PORT or URL of the broker in the answers' ws_url.", "WS_HOST"
  )
  token_ttl: Duration = _option(
    Duration(3600.0), "--token-ttl", "How long a stream's token is valid.", "BOND_TOKEN_TTL"
  )
  max_streams: int = _option(
    5, "--max-streams", "Streams of one caller; 0 = no limit.", "BOND_MAX_STREAMS"
  )
  no_restore: bool = _option(
    False,
    "--no-restore",
    "Leave stored streams as they are: listed, and not running.",
    "BOND_NO_RESTORE",
  )
  origins: list[str] = _option(
    attrs.Factory(list),
    "--api-origin",
    "Web page origin that may use the control plane; repeatable.",
    "BOND_API_ORIGINS",
    validator=_each(written.origin),
  )
  hosts: list[str] = _option(
    attrs.Factory(list),
    "--api-allow-host",
    "Name the control plane is reached by; repeatable.",
    "BOND_API_HOSTS",
    validator=_each(written.host),
  )
  request_within: Duration = _option(
    Duration(5.0), "--api-request-within", "Time to send a request's head, and then its body."
  )
  max_clients: int = _option(1_000, "--api-max-clients", "Connections to the control plane in all.")
  max_per_address: int = _option(
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
