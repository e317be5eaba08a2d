"""Which addresses a URL from outside may lead to: public ones, resolved once.

A spec that came through the API names a URL of its author's choice, and this machine connects from
where its author cannot: to its own services, its network, the metadata service of its cloud. So the
name is resolved once, every address that it has is checked, and the connection goes to one of
exactly these addresses; a name that changes its mind in between (DNS rebinding) gains nothing.
Every connection is checked again.
"""

import re
import socket
from collections.abc import Sequence
from ipaddress import (
  IPv4Address,
  IPv4Network,
  IPv6Address,
  IPv6Network,
  ip_address,
  ip_network,
)

import attrs

from bond_core._errors import Disconnected, Refused

PORTS = frozenset((80, 443, 8080, 8443, 9443))
"""Where websockets are served; other ports are other services."""

MAX_ADDRESSES = 16
RESOLVE_WITHIN = 10.0

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries, whole blocks where they have holes; Python's is_global differs
# between versions. 168.63.129.16 is where Azure answers every virtual machine of its own.
_NOT_PUBLIC_4 = tuple(
  IPv4Network(network)
  for network in (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
    *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "224.0.0.0/4", "168.63.129.16/32", "240.0.0.0/4"),
  )
)
# Teredo (in 2001::/23) and 6to4 (2002::/16) are refused whatever they carry.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
  IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# Prefixes with an IPv4 address in their last 32 bits: mapped and compatible addresses (RFC 4291),
# translated ones (RFC 6052, 7915).
_CARRIERS = tuple(
  IPv6Network(network) for network in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96")
)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$|0x)(?:xn--)?[a-z0-9-]{{2,63}}")
_HOME = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp")
_HOME_NAMES = frozenset((*_HOME, "home.arpa", "private", "test", "example", "invalid", "onion"))
_URL = re.compile(r"wss?://(?P<place>[^/?#@\\%\s]+)(?:[/?][!-~]*)?")


@attrs.frozen
class Allowance:
  """What an operator lets URLs from outside reach besides what is public: `hosts` are names or
  addresses with or without :PORT. `deny` are networks that are refused although they are public,
  such as the operator's own."""

  hosts: frozenset[str] = frozenset()
  deny: tuple[Network, ...] = ()


NOTHING_MORE = Allowance()


def read_allowance(hosts: str, deny: str = "") -> Allowance:
  """Returns the allowance of two comma-separated lists. Raises ValueError for what is no
  network."""
  return Allowance(
    frozenset(host.strip().lower() for host in hosts.split(",") if host.strip()),
    tuple(ip_network(network.strip()) for network in deny.split(",") if network.strip()),
  )


def check_url(url: str, allowance: Allowance = NOTHING_MORE) -> tuple[str, int]:
  """Host and port of a websocket URL from outside, before anything is resolved. Raises ValueError
  with a sentence that does not repeat the URL."""
  if len(url) > 2048:
    raise ValueError("the URL has more than 2048 characters; write a shorter one")
  if not url.isascii() or not url.isprintable() or " " in url:
    raise ValueError(
      "the URL has characters that URLs do not have; write names with other letters as xn--…"
    )
  scheme = url.partition(":")[0]
  if scheme not in ("ws", "wss"):
    raise ValueError("the URL is not one of a websocket; write ws://HOST/PATH or wss://HOST/PATH")
  found = _URL.fullmatch(url)
  if found is None:
    raise ValueError(
      "the URL is not plain wss://HOST/PATH; leave out user names, passwords, escapes in the host, "
      "backslashes and what follows a #"
    )
  from websockets.exceptions import InvalidURI
  from websockets.uri import parse_uri

  try:
    uri = parse_uri(url)
  except (InvalidURI, ValueError) as exc:
    raise ValueError("the URL cannot be read; write wss://HOST/PATH") from exc
  host, port = uri.host.lower(), uri.port
  written = found["place"].lower()
  if written not in (host, f"[{host}]", f"{host}:{port}", f"[{host}]:{port}"):
    raise ValueError("host and port of the URL can be read in two ways; write wss://HOST:PORT/PATH")
  if _is_allowed(host, port, allowance):
    return host, port
  if port not in PORTS:
    ports = ", ".join(str(p) for p in sorted(PORTS))
    raise ValueError(f"port {port} is not one of the ports {ports} that a URL from outside may use")
  literal = _literal(host)
  if literal is not None:
    if (why := _why_not(literal, allowance)) is not None:
      raise ValueError(f"{literal} is {why}; a URL from outside may lead to public addresses only")
  elif not _NAME.fullmatch(host) or len(host) > 253:
    raise ValueError(
      "the URL's host is no public name; write one such as stream.example.com, or an address in "
      "its usual form"
    )
  elif any(host == home or host.endswith(f".{home}") for home in _HOME_NAMES):
    raise ValueError("the URL's host is a name of a local network; write a public one")
  return host, port


async def vetted_addresses(url: str, allowance: Allowance = NOTHING_MORE) -> list[str]:
  """The addresses that a connection to `url` may use, resolved now.

  Raises Refused where the URL, or any address of its name, is not public, and Disconnected
  where the name does not resolve.
  """
  try:
    host, port = check_url(url, allowance)
  except ValueError as exc:
    raise Refused(str(exc)) from None
  addresses = await _resolve(host, port)
  if not _is_allowed(host, port, allowance):
    for address in addresses:
      if (why := _why_not(ip_address(address), allowance)) is not None:
        raise Refused(
          f"{host} resolves to an address that is {why}; a URL from outside may lead to public "
          "addresses only"
        )
  return addresses


async def _resolve(host: str, port: int) -> list[str]:
  import trio

  try:
    with trio.fail_after(RESOLVE_WITHIN):
      found: Sequence[tuple[object, ...]] = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
      )
  except trio.TooSlowError:
    raise Disconnected(f"{host} did not resolve within {RESOLVE_WITHIN:.0f} s") from None
  except OSError as exc:
    raise Disconnected(f"{host} does not resolve: {exc.strerror or exc}") from exc
  addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))  # type: ignore[index]
  if not addresses:
    raise Disconnected(f"{host} does not resolve: it has no address")
  if len(addresses) > MAX_ADDRESSES:
    raise Refused(f"{host} has {len(addresses)} addresses; {MAX_ADDRESSES} are the most")
  return addresses


def _is_allowed(host: str, port: int, allowance: Allowance) -> bool:
  return host in allowance.hosts or f"{host}:{port}" in allowance.hosts


def _literal(host: str) -> Address | None:
  """The address that stands in a URL in its usual form; None for a name. Decimal, octal and short
  forms are no names either, so they are refused."""
  try:
    return ip_address(host)
  except ValueError:
    return None


def is_public(address: Address, allowance: Allowance = NOTHING_MORE) -> bool:
  """Whether an address, and every address inside it, belongs to the public Internet."""
  return _why_not(address, allowance) is None


def _why_not(address: Address, allowance: Allowance) -> str | None:
  """Why an address may not be connected to; None where it may."""
  if any(address in network for network in allowance.deny if network.version == address.version):
    return "denied on this server"
  if isinstance(address, IPv4Address):
    return "not public" if any(address in network for network in _NOT_PUBLIC_4) else None
  if address.scope_id is not None:
    return "of one network only"
  if any(address in network for network in _CARRIERS):
    return _why_not(IPv4Address(int(address) & 0xFFFFFFFF), allowance)
  if address not in _PUBLIC_6 or any(address in network for network in _NOT_PUBLIC_6):
    return "not public"
  return None
