"""Lists of markets that this machine keeps, so that a spec can be checked without a network.

A whole list that a run or a server has read from the venue itself is kept for a day: names and
nothing else, a file each, in `listings` of the user's cache folder. What is there is data from
outside: it is read with bounds, into plain texts, and counts as none where anything is wrong with
it. Lists of simulators are not kept.
"""

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bond_core.config import closest, one_of

MAX_AGE = 86_400.0
"""Seconds for which a list answers: a market may have been listed since."""
AGAIN = 3600.0
"""Seconds after which a newer list takes an older one's place."""
MAX_BYTES = 8 * 1024 * 1024
MAX_MARKETS = 50_000
MAX_NAME = 64
NEAREST = 4
HINTS = 5
"""Wrong symbols whose nearest ones are looked for at once, since that takes a while."""

_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FACTORS = re.compile(r"1(?:0{3,9}|[mM](?=[A-Z]))|^[kK](?=[A-Z]{3})")
"""What venues write into the name of a contract on a thousand or a million coins."""


class KeptList(msgspec.Struct, frozen=True):
  """The markets of a venue's family, as they are written by the venue's own names. `unread` are
  names that are listed too, though nothing else is known of them; `read_at` is epoch seconds."""

  venue: str
  family: str
  read_at: float
  markets: dict[str, str]
  unread: list[str] = []

  @property
  def day(self) -> str:
    """When it was read, for a sentence."""
    return f"{datetime.fromtimestamp(self.read_at, UTC):%Y-%m-%d %H:%M} UTC"


class Unlisted(NamedTuple):
  """A symbol that a kept list does not have, that in a sentence, and the nearest ones it has."""

  symbol: str
  reason: str
  nearest: tuple[str, ...]


def unlisted(
  symbol: str, place: str, kept: KeptList, wanted: str = "", *, hint: bool = True
) -> Unlisted:
  """What is to be said of a symbol that a list does not have; `wanted` is how the list would write
  it, where that is not the same. Without a `hint` the nearest ones are not looked for (HINTS)."""
  close = nearest(wanted or symbol, kept.markets.values()) if hint else ()
  near = f"; the nearest: {one_of(close)}" if close else ""
  return Unlisted(symbol, f"there is no {symbol} {place} by the list of {kept.day}{near}", close)


_read = msgspec.json.Decoder(KeptList).decode


def folder(environ: Mapping[str, str] | None = None) -> Path:
  """Where lists are kept: `listings` in BOND_CACHE, else in `bond` of XDG_CACHE_HOME, which is
  ~/.cache where it is not set."""
  environ = os.environ if environ is None else environ
  if named := environ.get("BOND_CACHE"):
    return Path(named).expanduser().absolute() / "listings"
  # The XDG Base Directory Specification: a relative path is to be ignored.
  home = environ.get("XDG_CACHE_HOME", "")
  base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
  return base / "bond" / "listings"


def kept_list(venue: str, family: str, now: float | None = None) -> KeptList | None:
  """The list of a venue's family where one of the last day is kept."""
  now = time.time() if now is None else now
  path = _path(venue, family)
  if path is None:
    return None
  try:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
      body = file.read(MAX_BYTES + 1)
    found = _read(body) if len(body) <= MAX_BYTES else None
  except (OSError, ValueError, RecursionError):
    return None
  if found is None or (found.venue, found.family) != (venue, family):
    return None
  names = (*found.markets, *found.markets.values(), *found.unread)
  sound = len(found.markets) <= MAX_MARKETS and all(map(_is_name, names))
  return found if sound and 0 <= now - found.read_at <= MAX_AGE else None


def is_due(venue: str, family: str) -> bool:
  """Whether no list of the last hour is kept."""
  path = _path(venue, family)
  try:
    return path is not None and not 0 <= time.time() - path.stat().st_mtime < AGAIN
  except OSError:
    return True


def keep(venue: str, family: str, markets: Mapping[str, str], unread: Iterable[str] = ()) -> None:
  """Keeps a whole list that the venue itself gave, unless one of the last hour is there. A thread
  writes it, and the file is the old or the new one at any moment; a folder that cannot be written
  to keeps nothing."""
  if not is_due(venue, family) or not 0 < len(markets) <= MAX_MARKETS:
    return
  names = {symbol: written or symbol for symbol, written in markets.items()}
  good = {symbol: written for symbol, written in names.items() if _is_name(symbol + written)}
  others = [symbol for symbol in unread if _is_name(symbol)]
  body = msgspec.json.encode(KeptList(venue, family, time.time(), good, others))
  if len(body) <= MAX_BYTES and (path := _path(venue, family)) is not None:
    writing = threading.Thread(target=_replace, args=(path, body), name="bond-listings")
    # Where no thread can be started, as when the process ends, nothing is kept.
    with contextlib.suppress(RuntimeError):
      writing.start()


def nearest(wanted: str, written: Iterable[str]) -> tuple[str, ...]:
  """The markets that may be meant by one that is not listed: the same in thousands or millions, the
  same asset against others, else the closest spelling."""
  known = list(dict.fromkeys(written))
  plain, base = _plain(wanted), _plain(_base(wanted))
  found = [name for name in known if _plain(name) == plain]
  same = [name for name in known if _plain(_base(name)) == base and name not in found]
  contract = ":" in wanted
  found += sorted(same, key=lambda name: ((":" in name) != contract, len(name), name))
  if not found and (like := closest(wanted, known, 0.7)) is not None:
    found = [like]
  return tuple(found[:NEAREST])


def _plain(name: str) -> str:
  return _FACTORS.sub("", name).upper()


def _base(name: str) -> str:
  return re.split(r"[/_-]", name, maxsplit=1)[0]


def _is_name(name: str) -> bool:
  return 0 < len(name) <= 2 * MAX_NAME and name.isprintable()


def _path(venue: str, family: str) -> Path | None:
  """The file of a family; None for names that are none of a file."""
  name = family.lower()
  if not (_PLACE.fullmatch(venue) and _PLACE.fullmatch(name)):
    return None
  return folder() / f"{venue}.{name}.json"


def _replace(path: Path, body: bytes) -> None:
  beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
  with contextlib.suppress(OSError):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
      flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
      with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
        file.write(body)
      beside.replace(path)
    finally:
      beside.unlink(missing_ok=True)
