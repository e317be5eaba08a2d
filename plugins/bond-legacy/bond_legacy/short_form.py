"""The earlier short form of a spec, rewritten into the normal one.

{"sources": [{"type": "ccxt", "symbols": ["BTC/USDT"]}, {"type": "twitter", "symbols": ["BTC"]}],
"interval_sec": 5, "symbols": ["BTC/USDT"]} becomes sources named after their types and one
core.window over them. Every value keeps its place in the user's text.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from bond_core import Aliases, RewriteProblem, Rewritten
from bond_core.config import did_you_mean, one_of
from bond_core.specs import MAX_SPEC_NODES, Path, kind_of, shown

DEFAULT_INTERVAL = 5
CCXT_EXCHANGES = ("binance", "okx", "bybit")
CCXT_DEFAULTS = {"mode": "poll", "every": "5s"}

_CCXT = {
  "ccxt": ("trades", "ticker"),
  "ccxt.trades": ("trades",),
  "ccxt.ticker": ("ticker",),
}
"""Types that are several sources: the channels of each."""

_CHAIN = "onchain"
"""The type that goes by its chain: `onchain:sol` is another name of a source."""
DEFAULT_CHAIN = "sol"

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_TAKES_SYMBOLS = ("ccxt", "x")
_TOP = ("name", "sources", "interval_sec", "symbols")


def rewrite(data: Mapping[str, Any], aliases: Aliases) -> Rewritten | None:
  """The normal form of a spec whose sources are a list; None for any other."""
  if not isinstance(data.get("sources"), list):
    return None
  return _Expansion(data, aliases).expand()


class _Over(Exception):
  """There is nothing more to be said about this text."""


class _Expansion:
  def __init__(self, data: Mapping[str, Any], aliases: Aliases) -> None:
    self.short = data
    self.aliases = aliases
    self.problems: list[RewriteProblem] = []
    self.sources: dict[str, Any] = {}
    self.origin: dict[Path, Path] = {}

  def expand(self) -> Rewritten:
    """The normal form, and what is wrong with the short one."""
    try:
      data = self._expanded()
    except _Over:
      data = None
    return Rewritten(data, self.origin, tuple(self.problems))

  def _refuse(
    self, message: str, path: Path, at: Literal["key", "value", "owner"] = "value"
  ) -> None:
    self.problems.append(RewriteProblem(message, path, at))

  def _expanded(self) -> dict[str, Any]:
    short = self.short
    for key in short:
      if key not in _TOP:
        meant = did_you_mean(key, _TOP) or f"; the short form has {one_of(_TOP, 'and')}"
        self._refuse(f"unknown key {shown(key)}{meant}", (key,), "key")
    for index, entry in enumerate(short["sources"]):
      self._source(index, entry)
    data: dict[str, Any] = {"sources": self.sources}
    if "name" in short:
      data["name"] = short["name"]
    interval = short.get("interval_sec")
    interval = DEFAULT_INTERVAL if interval is None else interval
    # 0 asks for every update: nothing is gathered into windows.
    if self.sources and not (type(interval) in (int, float) and interval == 0):
      data["transforms"] = {"window": self._window(interval)}
    if not self.sources:
      if not short["sources"]:
        self._refuse("a spec needs at least one source", ("sources",), "key")
      raise _Over
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

  def _source(self, index: int, entry: Any) -> None:
    at = ("sources", index)
    if not isinstance(entry, dict):
      told = 'expected a source, as in {"type": "ccxt", "symbols": ["BTC/USDT"]}, got '
      self._refuse(told + kind_of(entry), at)
      return
    kind = entry.get("type")
    if kind is None and "use" in entry:
      told = (
        "a list of sources is the short form, which has `type`; with `use`, write a name before"
      )
      self._refuse(f"{told} each: my-source: {{use: …, with: …}}", at, "owner")
      return
    if kind is None:
      told = f"the key 'type' is missing; it is {one_of(self._types())}, or the name of a source"
      self._refuse(told, at, "owner")
      return
    if not isinstance(kind, str):
      self._refuse(f"expected a type such as ccxt, got {kind_of(kind)}", (*at, "type"))
      return
    name = kind.strip().lower()
    given = {key: value for key, value in entry.items() if key != "type"}
    if name in _CCXT:
      self._ccxt(at, _CCXT[name], given)
    elif name in (_CHAIN, f"{_CHAIN}.grpc"):
      self._onchain(at, given)
    elif name in self.aliases:
      source, implied = self.aliases[name]
      self._add(at, name, source, dict(implied) | given)
    elif "." in name:
      self._add(at, name, name, given)
    else:
      there = f"; there is {one_of(self._types(), 'and')}, and any source by its name, such as "
      hint = did_you_mean(name, self._types(), f"{there}okx.trades")
      self._refuse(f"unknown source type {shown(kind)}{hint}", (*at, "type"))

  def _types(self) -> list[str]:
    """The types that the short form has."""
    return [*_CCXT, *(alias for alias in self.aliases if ":" not in alias)]

  def _ccxt(self, at: Path, channels: Iterable[str], given: dict[str, Any]) -> None:
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

  def _onchain(self, at: Path, given: dict[str, Any]) -> None:
    chain = given.pop("chain", DEFAULT_CHAIN)
    found = self.aliases.get(f"{_CHAIN}:{chain.lower()}") if isinstance(chain, str) else None
    if found is None:
      chains = sorted(a.partition(":")[2] for a in self.aliases if a.startswith(f"{_CHAIN}:"))
      message = f"unknown chain {shown(chain)}; there is {one_of(chains, 'and')}, or name another "
      self._refuse(f"{message}source as type", (*at, "chain"))
      return
    use, implied = found
    self._add(at, _CHAIN, use, dict(implied) | given)

  def _add(self, at: Path, label: str, use: str, settings: dict[str, Any]) -> str:
    """Adds a source; its key is the label, numbered where it is taken."""
    if len(self.sources) == MAX_SPEC_NODES:
      told = f"more than {MAX_SPEC_NODES} sources; make several specs of it"
      self._refuse(told, at, "owner")
      raise _Over
    family = use.split(".")[0]
    base = _NO_NAME.sub("-", label).strip("-")[:48] or "source"
    key, number = base, 1
    while key in self.sources:
      number += 1
      key = f"{base}-{number}"
    path = ("sources", key)
    self.origin[path] = at
    self.origin[*path, "use"] = (*at, "type")
    self.origin[*path, "with"] = at
    if "symbols" not in settings and "symbols" in self.short and family in _TAKES_SYMBOLS:
      settings = {**settings, "symbols": self.short["symbols"]}
      self.origin[*path, "with", "symbols"] = ("symbols",)
    self.sources[key] = {"use": use, "with": settings}
    return key
