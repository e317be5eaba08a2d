"""The rules of a port: from which pages and by which names it may be called, and whether callers
without credentials are this machine's own."""

from collections.abc import Iterable, Sequence

import attrs

from bond_server.access.origins import (
  host as host_of,
  is_loopback,
  origin,
  refuse_host,
  refuse_origin,
)


@attrs.frozen
class PortRules:
  """The rules of one port of a server. `own_pages` are pages of this port's own
  HTTP server, which may call it. `allow_option` lets in another name."""

  hosts: frozenset[str]
  origins: frozenset[str]
  open_to_all: bool
  own_pages: bool = False
  allow_option: str = "--allow-host"

  def refuse(self, hosts: Sequence[str], origins: Sequence[str]) -> tuple[int, str] | None:
    """Why a request with these Host and Origin headers is refused: HTTP's status and a sentence;
    None where it is not."""
    if (reason := refuse_host(hosts, self.hosts, self.allow_option)) is not None:
      return 421, reason
    if (reason := refuse_origin(origins, self.allowed(hosts[0]))) is not None:
      return 403, reason
    return None

  @property
  def names(self) -> str | None:
    """A sentence about the names that a port is reached by, where others can reach it; None on
    loopback, and where every name is right."""
    if "*" in self.hosts or all(is_loopback(name.strip("[]")) for name in self.hosts):
      return None
    named = ", ".join(sorted(self.hosts))
    return (
      f"other machines reach this server as {named}, and by no other name or address: allow each "
      f"with {self.allow_option}"
    )

  def allowed(self, host: str) -> frozenset[str]:
    """The origins of pages that may call this port by a name that it has."""
    # The Host was checked, so a page of that name is one of this server's.
    return self.origins | {origin(f"http://{host}")} if self.own_pages else self.origins


def rules_of(
  host: str,
  *,
  hosts: Iterable[str] = (),
  origins: Iterable[str] = (),
  own_pages: bool = False,
  open_to_all: bool | None = None,
  allow_option: str = "--allow-host",
) -> PortRules:
  """The rules of a port that listens on `host`; `hosts` are further names that it is called by,
  `origins` the pages that may call it. On loopback it is open to all, if nothing else is said.
  Raises ValueError for what is no host or no origin."""
  return PortRules(
    hosts=frozenset(map(host_of, [*hosts, host])),
    origins=frozenset(map(origin, origins)),
    open_to_all=is_loopback(host) if open_to_all is None else open_to_all,
    own_pages=own_pages,
    allow_option=allow_option,
  )
