"""Which web pages may connect, and under which names this server may be called.

A browser sends the Origin of the page that opens a WebSocket, and lets any page open one anywhere:
only the server can refuse (RFC 6455, 10.2). A page that has its own name point to this machine (DNS
rebinding) betrays itself by the Host that the browser sends.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final

DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_HOST = re.compile(
  r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(:(?P<port>[1-9][0-9]{0,4}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>[^/?#@\\\s]+)")


def origin(text: str) -> str:
  """An origin as a browser writes it: lower case, without the scheme's own port. ValueError says
  what to write instead."""
  found = _ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
  parsed = _split(found["rest"]) if found else None
  if found is None or parsed is None:
    raise ValueError(
      f"{text[:80]!r} is no origin; write scheme and host, as in https://app.example.com or "
      "http://localhost:3000 (null and * are never allowed)"
    )
  host, port = parsed
  scheme = found["scheme"]
  if port is None or port == DEFAULT_PORTS.get(scheme):
    return f"{scheme}://{host}"
  return f"{scheme}://{host}:{port}"


def own_origins(hosts: Iterable[str], ports: Iterable[int]) -> frozenset[str]:
  """The origins of pages that a server itself serves on these hosts and ports."""
  names = {_bracketed(host.lower()) for host in hosts}
  return frozenset(
    origin(f"{scheme}://{name}:{port}")
    for name in names
    for port in ports
    for scheme in ("http", "https")
  )


LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


def refuse_origin(values: Sequence[str], allowed: frozenset[str]) -> str | None:
  """Why a handshake with these Origin headers is refused, in a sentence; None where it is not.
  `allowed` is what `origin` gave. No Origin means that it is no browser's page."""
  if not values:
    return None
  if len(values) == 1 and values[0] != "null" and values[0] in allowed:
    return None
  shown = _shown(values[0])
  return f"a page of {shown} may not connect; the server's operator can allow its origin"


def host(text: str) -> str:
  """A name under which a server may be called, as it is compared: `example.com` (any port) or
  `example.com:8080`; also taken out of a URL. Raises ValueError, which says what to write
  instead."""
  bare = re.sub(r"^[a-z]+://", "", text.strip().lower()).partition("/")[0]
  if bare == "*":
    return bare
  parsed = _split(_bracketed(bare))
  if parsed is None:
    raise ValueError(
      f"{text[:80]!r} is no host; write a name or an address, as in feed.example.com"
    )
  name, port = parsed
  return name if port is None else f"{name}:{port}"


def refuse_host(
  values: Sequence[str], allowed: frozenset[str], option: str = "--allow-host"
) -> str | None:
  """Why a request with these Host headers is refused, in a sentence; None where it is not. Names
  and addresses of this machine are always right; `allowed` is what `host` gave, and `*` in it lets
  in every well-formed one. `option` is what lets in another name."""
  if len(values) != 1:
    return "a request needs one Host header"
  parsed = _split(values[0].lower())
  if parsed is None:
    return f"{_shown(values[0])} is no host"
  name, port = parsed
  if is_loopback(name.strip("[]")) or {"*", name, f"{name}:{port}"} & allowed:
    return None
  return (
    f"this server is not called {_shown(values[0])}; use the address that it was started with, or "
    f"have its operator allow the name: bond serve {option} {name}"
  )


def is_loopback(host: str | None) -> bool:
  """Whether only this machine can reach what listens there; None is a Unix socket. A name other
  than localhost is not, whatever it points to today."""
  if host is None or host.lower() == "localhost":
    return True
  try:
    address = ip_address(host.strip("[]"))
  except ValueError:
    return False
  if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
    return address.ipv4_mapped.is_loopback
  return address.is_loopback


def _split(text: str) -> tuple[str, str | None] | None:
  """Host and port of `host[:port]`, canonical; None where it is not well-formed."""
  found = _HOST.fullmatch(text)
  if found is None or int(found["port"] or 1) > 65535:
    return None
  name = found["host"]
  if name.startswith("["):
    try:
      return f"[{IPv6Address(name[1:-1])}]", found["port"]
    except ValueError:
      return None
  if not _NAME.fullmatch(name):
    return None
  # A last label of digits makes it an address (WHATWG URL, 3.5), and an address has four numbers.
  if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rpartition(".")[2]):
    try:
      return str(ip_address(name)), found["port"]
    except ValueError:
      return None
  return name, found["port"]


def _bracketed(host: str) -> str:
  """An IPv6 address with the brackets that it needs before a port."""
  return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _shown(value: str) -> str:
  """A value that a client sent, fit for a log: short and without control characters."""
  return ascii(value[:80])
