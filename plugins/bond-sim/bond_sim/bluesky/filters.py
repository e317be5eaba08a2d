"""What a client subscribes to: the parameters of /subscribe."""

import re

import attrs
from bond_simkit import SimulatorError

PARAMETERS = frozenset(
  ("wantedCollections", "wantedDids", "cursor", "compress", "maxMessageSizeBytes", "requireHello")
)
MAX_COLLECTIONS, MAX_DIDS = 100, 10_000

_NSID = re.compile(r"[a-z][a-z0-9-]*(\.[a-zA-Z0-9-]+)+(\.\*)?")


@attrs.frozen
class StoredEvent:
  """One event as it is stored: its message, and what filters compare. `collection` is None for
  identities and accounts."""

  time_us: int
  did: str
  collection: str | None
  message: bytes


@attrs.frozen
class BlueskyFilter:
  """The filter of a client: collections (a name may end with *) and authors, all where empty."""

  collections: tuple[str, ...]
  dids: frozenset[str]

  def accepts(self, event: StoredEvent) -> bool:
    """Whether an event is sent. Identities and accounts are sent whatever the collections."""
    if self.dids and event.did not in self.dids:
      return False
    if event.collection is None or not self.collections:
      return True
    return any(
      event.collection.startswith(name[:-1]) if name.endswith("*") else event.collection == name
      for name in self.collections
    )


def read_filter(query: tuple[tuple[str, str], ...]) -> BlueskyFilter:
  """The filter in a query. Raises SimulatorError for one that Jetstream refuses."""
  collections = tuple(value for name, value in query if name == "wantedCollections")
  dids = frozenset(value for name, value in query if name == "wantedDids")
  for name, _ in query:
    if name not in PARAMETERS:
      raise SimulatorError(f"{name} is no parameter")
  for name in collections:
    if not _NSID.fullmatch(name):
      raise SimulatorError(f"{name!r} is no collection")
  if len(collections) > MAX_COLLECTIONS or len(dids) > MAX_DIDS:
    raise SimulatorError(f"there are {MAX_COLLECTIONS} collections and {MAX_DIDS} dids at most")
  return BlueskyFilter(collections, dids)


def read_cursor(text: str | None) -> int | None:
  """A cursor in Unix microseconds, None where there is none. Raises SimulatorError for what is not
  a cursor."""
  if text is None:
    return None
  if not text.isdecimal() or len(text) > 18:
    raise SimulatorError(f"{text!r} is no cursor")
  return int(text)
