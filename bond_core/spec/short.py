"""The earlier short form of a spec, rewritten into the normal one.

{"sources": [{"type": "ccxt", "symbols": ["BTC/USDT"]}, {"type": "twitter", "symbols": ["BTC"]}],
"interval_sec": 5, "symbols": ["BTC/USDT"]} becomes sources named after their types and one
core.window over them. Every value keeps its place in the user's text.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bond_core.spec.document import MAX_SPEC_NODES, Document, Path, kind_of, shown
from bond_core.spec.suggest import did_you_mean, one_of

DEFAULT_INTERVAL = 5
CCXT_EXCHANGES = ("binance", "okx", "bybit")
CCXT_DEFAULTS = {"mode": "poll", "every": "5s"}

_CCXT = {
  "ccxt": ("trades", "ticker"),
  "ccxt.trades": ("trades",),
  "ccxt.ticker": ("ticker",),
}
_EVM = ("ethereum", "arbitrum", "avalanche", "base", "bsc", "optimism", "polygon")
_ONCHAIN: dict[str, tuple[str, dict[str, str]]] = {
  **dict.fromkeys(("sol", "solana"), ("onchain.solana", {})),
  **dict.fromkeys(("btc", "bitcoin"), ("onchain.bitcoin", {})),
  "eth": ("onchain.evm", {"chain": "ethereum"}),
  **{name: ("onchain.evm", {"chain": name}) for name in _EVM},
}
"""The component of a chain, and what it has to be told."""

_ALIASES = {
  **dict.fromkeys(_CCXT, ""),
  **dict.fromkeys(("twitter", "x", "x.tweets"), "x.posts"),
  **dict.fromkeys(("onchain", "onchain.grpc"), "onchain.solana"),
  **dict.fromkeys(("custom", "custom.ws"), "ws.json"),
}
"""The component that a type means; ccxt is several, and onchain goes by its chain."""

_PACKAGES = {
  "binance": ("bond-binance", "binance.trades"),
  "okx": ("bond-okx", "okx.trades"),
  "bybit": ("bond-bybit", "bybit.trades"),
  "bluesky": ("bond-bluesky", "bluesky.posts"),
  "solana": ("bond-onchain", "onchain.solana"),
  "bitcoin": ("bond-bitcoin", "onchain.bitcoin"),
  "ethereum": ("bond-evm", "onchain.evm"),
  "ws": ("bond-ws", "ws.json"),
  "websocket": ("bond-ws", "ws.json"),
}
"""Words that are no type, the package that they mean, and a source of it."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_TAKES_SYMBOLS = ("ccxt", "x")
_TOP = ("name", "sources", "interval_sec", "symbols")


def is_short(data: Mapping[str, Any]) -> bool:
  """Whether plain data is a spec in the short form: its sources are a list."""
  return isinstance(data.get("sources"), list)


def expand(document: Document) -> None:
  """Brings the document's data into the normal form; problems of the short form are noted in it."""
  _Expansion(document).expand()


class _Expansion:
  def __init__(self, document: Document) -> None:
    self.document = document
    self.short = document.data
    self.sources: dict[str, Any] = {}
    self.origin: dict[Path, Path] = {}

  def expand(self) -> None:
    short = self.short
    for key in short:
      if key not in _TOP:
        meant = did_you_mean(key, _TOP) or f"; the short form has {one_of(_TOP, 'and')}"
        self.document.refuse(f"unknown key {shown(key)}{meant}", (key,), "key")
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
        self.document.refuse("a spec needs at least one source", ("sources",), "key")
      self.document.fail()
    self.document.data = data
    self.document.origin = self.origin

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
      self.document.refuse(told + kind_of(entry), at)
      return
    kind = entry.get("type")
    if kind is None and "use" in entry:
      told = (
        "a list of sources is the short form, which has `type`; with `use`, write a name before"
      )
      self.document.refuse(f"{told} each: my-source: {{use: …, with: …}}", at, "owner")
      return
    if kind is None:
      told = f"the key 'type' is missing; it is {one_of(_ALIASES)}, or the name of a source"
      self.document.refuse(told, at, "owner")
      return
    if not isinstance(kind, str):
      self.document.refuse(f"expected a type such as ccxt, got {kind_of(kind)}", (*at, "type"))
      return
    name = kind.strip().lower()
    given = {key: value for key, value in entry.items() if key != "type"}
    if name in _CCXT:
      self._ccxt(at, _CCXT[name], given)
    elif name in ("onchain", "onchain.grpc"):
      self._onchain(at, given)
    elif name in _ALIASES or "." in name:
      self._add(at, name, _ALIASES.get(name, name), given)
    else:
      if name in _PACKAGES:
        package, source = _PACKAGES[name]
        hint = f"; pip install {package} and write one of its sources, such as {source}"
      else:
        hint = did_you_mean(name, _ALIASES) or f"; there is {one_of(_ALIASES, 'and')}"
      self.document.refuse(f"unknown source type {shown(kind)}{hint}", (*at, "type"))

  def _ccxt(self, at: Path, channels: Iterable[str], given: dict[str, Any]) -> None:
    exchange = given.pop("exchange", None)
    exchanges = exchange if isinstance(exchange, list) else [exchange]
    if exchange is None:
      exchanges = list(CCXT_EXCHANGES)
    if not exchanges:
      self.document.refuse("name an exchange here, such as okx", (*at, "exchange"))
    for number, venue in enumerate(exchanges):
      written = (*at, "exchange", number) if isinstance(exchange, list) else (*at, "exchange")
      for channel in channels:
        settings = {"exchange": venue, **CCXT_DEFAULTS, **given}
        label = f"ccxt-{venue}-{channel}" if isinstance(venue, str) else f"ccxt-{channel}"
        key = self._add(at, label, f"ccxt.{channel}", settings)
        if exchange is not None:
          self.origin["sources", key, "with", "exchange"] = written

  def _onchain(self, at: Path, given: dict[str, Any]) -> None:
    chain = given.pop("chain", "sol")
    found = _ONCHAIN.get(chain.lower()) if isinstance(chain, str) else None
    if found is None:
      there = one_of(("sol", "btc", "eth", *_EVM[1:]), "and")
      told = f"unknown chain {shown(chain)}; there is {there}, or name another source as type"
      self.document.refuse(told, (*at, "chain"))
      return
    use, settings = found
    self._add(at, "onchain", use, settings | given)

  def _add(self, at: Path, label: str, use: str, settings: dict[str, Any]) -> str:
    """Adds a source; its key is the label, numbered where it is taken."""
    if len(self.sources) == MAX_SPEC_NODES:
      told = f"more than {MAX_SPEC_NODES} sources; make several specs of it"
      self.document.refuse(told, at, "owner")
      self.document.fail()
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
