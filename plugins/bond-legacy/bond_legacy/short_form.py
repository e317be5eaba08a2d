"""The short form of a spec, rewritten to the normal form.

{"sources": [{"type": "ccxt", "symbols": ["BTC/USDT"]}, {"type": "twitter", "symbols": ["BTC"]}],
"interval_sec": 5, "symbols": ["BTC/USDT"]} becomes sources named after their types and one
core.window over them. For every value of the result it is known where it was in the user's text, so
that errors point there.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from bond_core import Aliases, RewriteProblem, Rewritten
from bond_core.config import did_you_mean, one_of
from bond_core.specs import MAX_SPEC_NODES, Path, kind_of, shown

DEFAULT_INTERVAL = 5
CCXT_EXCHANGES = ("binance", "okx", "bybit")
"""The exchanges of a source of type ccxt that names none."""
CCXT_DEFAULTS = {"mode": "poll", "every": "5s"}

_CCXT_CHANNELS = {
  "ccxt": ("trades", "ticker"),
  "ccxt.trades": ("trades",),
  "ccxt.ticker": ("ticker",),
}
"""Types that become a source for each exchange and each of these channels."""

_ONCHAIN = "onchain"
"""The type whose source depends on its chain: `onchain:sol` is an alias of a source."""
DEFAULT_CHAIN = "sol"

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_-]+")
_PLUGINS_WITH_SYMBOLS = ("ccxt", "x")
"""Plugins whose sources get the symbols of the whole spec where they have none of their own."""
_TOP_KEYS = ("name", "sources", "interval_sec", "symbols")


def rewrite(data: Mapping[str, Any], aliases: Aliases) -> Rewritten | None:
  """The normal form of a spec whose sources are a list; None for any other."""
  if not isinstance(data.get("sources"), list):
    return None
  return _Rewriting(data, aliases).result()


class _Stop(Exception):
  """Ends the rewriting: further problems would only follow from those found."""


class _Rewriting:
  """The sources found so far, where each value was in the short form, and the problems."""

  def __init__(self, data: Mapping[str, Any], aliases: Aliases) -> None:
    self.short = data
    self.aliases = aliases
    self.problems: list[RewriteProblem] = []
    self.sources: dict[str, Any] = {}
    self.origin: dict[Path, Path] = {}

  def result(self) -> Rewritten:
    """The normal form, and the problems of the short one."""
    try:
      data = self._rewritten()
    except _Stop:
      data = None
    return Rewritten(data, self.origin, tuple(self.problems))

  def _refuse(
    self, message: str, path: Path, at: Literal["key", "value", "owner"] = "value"
  ) -> None:
    self.problems.append(RewriteProblem(message, path, at))

  def _rewritten(self) -> dict[str, Any]:
    short = self.short
    for key in short:
      if key not in _TOP_KEYS:
        hint = did_you_mean(key, _TOP_KEYS, f"; the short form has {one_of(_TOP_KEYS, 'and')}")
        self._refuse(f"unknown key {shown(key)}{hint}", (key,), "key")
    for index, entry in enumerate(short["sources"]):
      self._add_entry(index, entry)
    data: dict[str, Any] = {"sources": self.sources}
    if "name" in short:
      data["name"] = short["name"]
    interval = short.get("interval_sec")
    interval = DEFAULT_INTERVAL if interval is None else interval
    # With 0 every update goes out by itself, without windows.
    if self.sources and not (type(interval) in (int, float) and interval == 0):
      data["transforms"] = {"window": self._window(interval)}
    if not self.sources:
      if not short["sources"]:
        self._refuse("a spec needs at least one source", ("sources",), "key")
      raise _Stop
    return data

  def _window(self, interval: Any) -> dict[str, Any]:
    settings = {"every": interval}
    self.origin["transforms",] = ()
    self.origin["transforms", "window"] = ("sources",)
    self.origin["transforms", "window", "with", "every"] = ("interval_sec",)
    if "symbols" in self.short:
      settings["symbols"] = self.short["symbols"]
      self.origin["transforms", "window", "with", "symbols"] = ("symbols",)
    return {"use": "core.window", "from": list(self.sources), "with": settings}

  def _add_entry(self, index: int, entry: Any) -> None:
    """Adds the source or sources of one entry of the list."""
    at = ("sources", index)
    if not isinstance(entry, dict):
      example = '{"type": "ccxt", "symbols": ["BTC/USDT"]}'
      self._refuse(f"expected a source, as in {example}, got {kind_of(entry)}", at)
      return
    written = entry.get("type")
    if written is None:
      self._refuse(self._without_type(entry), at, "owner")
      return
    if not isinstance(written, str):
      self._refuse(f"expected a type such as ccxt, got {kind_of(written)}", (*at, "type"))
      return
    name = written.strip().lower()
    given = {key: value for key, value in entry.items() if key != "type"}
    if name in _CCXT_CHANNELS:
      self._add_ccxt(at, _CCXT_CHANNELS[name], given)
    elif name in (_ONCHAIN, f"{_ONCHAIN}.grpc"):
      self._add_onchain(at, given)
    elif name in self.aliases:
      source, implied = self.aliases[name]
      self._add(at, name, source, dict(implied) | given)
    elif "." in name:
      self._add(at, name, name, given)
    else:
      types = f"; there is {one_of(self._types(), 'and')}, and any source by its name"
      hint = did_you_mean(name, self._types(), f"{types}, such as okx.trades")
      self._refuse(f"unknown source type {shown(written)}{hint}", (*at, "type"))

  def _without_type(self, entry: dict[str, Any]) -> str:
    """What is wrong with an entry without a type."""
    if "use" in entry:
      return (
        "a list of sources is the short form, which has `type`; with `use`, write a name before "
        "each: my-source: {use: …, with: …}"
      )
    return f"the key 'type' is missing; it is {one_of(self._types())}, or the name of a source"

  def _types(self) -> list[str]:
    """The types that the short form has."""
    return [*_CCXT_CHANNELS, *(alias for alias in self.aliases if ":" not in alias)]

  def _add_ccxt(self, at: Path, channels: Iterable[str], given: dict[str, Any]) -> None:
    exchange = given.pop("exchange", None)
    exchanges = exchange if isinstance(exchange, list) else [exchange]
    if exchange is None:
      exchanges = list(CCXT_EXCHANGES)
    if not exchanges:
      self._refuse("name an exchange here, such as okx", (*at, "exchange"))
    for number, venue in enumerate(exchanges):
      written = (*at, "exchange", number) if isinstance(exchange, list) else (*at, "exchange")
      for channel in channels:
        settings = {"exchange": venue, **CCXT_DEFAULTS, **given}
        label = f"ccxt-{venue}-{channel}" if isinstance(venue, str) else f"ccxt-{channel}"
        key = self._add(at, label, f"ccxt.{channel}", settings)
        if exchange is not None:
          self.origin["sources", key, "with", "exchange"] = written

  def _add_onchain(self, at: Path, given: dict[str, Any]) -> None:
    chain = given.pop("chain", DEFAULT_CHAIN)
    found = self.aliases.get(f"{_ONCHAIN}:{chain.lower()}") if isinstance(chain, str) else None
    if found is None:
      prefix = f"{_ONCHAIN}:"
      chains = sorted(a.removeprefix(prefix) for a in self.aliases if a.startswith(prefix))
      message = f"unknown chain {shown(chain)}; there is {one_of(chains, 'and')}, or name another "
      self._refuse(f"{message}source as type", (*at, "chain"))
      return
    use, implied = found
    self._add(at, _ONCHAIN, use, dict(implied) | given)

  def _add(self, at: Path, label: str, use: str, settings: dict[str, Any]) -> str:
    """Adds a source and returns its key: the label, with a number where that is taken."""
    if len(self.sources) == MAX_SPEC_NODES:
      self._refuse(f"more than {MAX_SPEC_NODES} sources; make several specs of it", at, "owner")
      raise _Stop
    plugin = use.split(".")[0]
    base = _NOT_IN_KEYS.sub("-", label).strip("-")[:48] or "source"
    key, number = base, 1
    while key in self.sources:
      number += 1
      key = f"{base}-{number}"
    path = ("sources", key)
    self.origin[path] = at
    self.origin[*path, "use"] = (*at, "type")
    self.origin[*path, "with"] = at
    if "symbols" not in settings and "symbols" in self.short and plugin in _PLUGINS_WITH_SYMBOLS:
      settings = {**settings, "symbols": self.short["symbols"]}
      self.origin[*path, "with", "symbols"] = ("symbols",)
    self.sources[key] = {"use": use, "with": settings}
    return key
