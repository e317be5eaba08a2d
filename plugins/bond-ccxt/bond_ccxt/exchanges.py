"""Which venues ccxt has, read from its folder: importing ccxt takes seconds, so nothing that only
looks at a spec may do it."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bond_core.config import did_you_mean

_NO_VENUES = frozenset(("__init__",))


@cache
def exchange_ids() -> frozenset[str]:
  """The ids of all venues that the installed ccxt has."""
  return _modules("async_support")


@cache
def streaming_ids() -> frozenset[str]:
  """The ids of the venues that ccxt.pro can stream from."""
  return _modules("pro")


def check_exchange(name: str) -> None:
  """Raises ValueError for what is no venue of ccxt, with a suggestion."""
  known = exchange_ids()
  if name not in known:
    hint = did_you_mean(name.lower(), sorted(known))
    there = hint or f"; it has {len(known)}, such as kraken and coinbase"
    raise ValueError(f"ccxt has no exchange {name!r}{there}")


def _modules(folder: str) -> frozenset[str]:
  # A top-level package is found without being imported.
  found = find_spec("ccxt")
  places = found.submodule_search_locations if found is not None else None
  return frozenset(
    path.stem
    for place in places or ()
    for path in (Path(place) / folder).glob("*.py")
    if path.stem not in _NO_VENUES
  )
