"""The filters of one selection, and which of them had an effect."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import Chunk
from bond_english.words import data

LISTS = frozenset(
  (
    *("event_types", "authors", "query", "without", "mint", "address", "account", "chain"),
    *("metric", "universe", "bar_sec", "provider"),
  )
)
"""Filters that may have several values."""

_LABELS = {
  "for_sec": "duration",
  "lang": "language",
  "min_move_pct": "price move",
  "replay_sec": "replay",
  "venue_type": "type of venue",
  "window_sec": "window",
}
"""Names of filters in questions, where their own is none for people."""

_ANY = frozenset(data.KINDS)
_ONCHAIN = frozenset(("onchain", "gas"))
_POSTS = frozenset(("tweets", "bluesky", "news", "google_trends", "polymarket"))
_MARKET = frozenset(name for name, kind in data.KINDS.items() if kind.market)
_KINDS_OF = {
  "side": frozenset(("trades", "volume", "vwap", "liquidations", "orderbook", "bbo")),
  "position": frozenset(("liquidations", "open_interest")),
  "depth": frozenset(("orderbook",)),
  "deltas": frozenset(("orderbook",)),
  "window_sec": frozenset(("volume", "vwap", "cvd", "price", "trades", "open_interest", "funding")),
  "bar_sec": frozenset(("ohlc",)),
  "closed": frozenset(("ohlc",)),
  "min_move_pct": _MARKET,
  "direction": _MARKET | _ONCHAIN,
  "lang": _POSTS,
  "query": _POSTS,
  "authors": _POSTS,
  "commitment": frozenset(("onchain",)),
  "without": frozenset(("tweets",)),
  "provider": _POSTS,
  "event_types": _ONCHAIN,
  "chain": _ANY,
  "mint": _ONCHAIN,
  "address": _ONCHAIN,
  "account": _ONCHAIN,
  "venue_type": _MARKET | _ONCHAIN,
}
"""The kinds of data that a filter can be of; of those that are not here every kind."""


class Setting(NamedTuple):
  """One value of a filter, and the chunk that states it. `kinds` are those that it is of, None
  where its name says that."""

  name: str
  value: Any
  chunk: Chunk
  kinds: tuple[str, ...] | None


def applies(setting: Setting, kind: str) -> bool:
  """Whether a filter can be of a kind of data."""
  if setting.kinds is not None:
    return kind in setting.kinds
  if setting.name == "metric":
    metric_kind = data.METRICS[setting.value][0] if setting.value in data.METRICS else kind
    return kind == metric_kind or (metric_kind == "tweets" and kind in _POSTS)
  known = _KINDS_OF.get(setting.name)
  return known is None or kind in known


class Settings:
  """Filters by name, such as depth or side, and bounds such as min_notional_usd.

  A filter that is used notes the chunk that states it, so that what shaped nothing is known.
  `opposites` says that there are both buys and sells, or longs and shorts.
  """

  def __init__(self, entries: list[Setting], findings: Findings, request: Request) -> None:
    self._entries = list(entries)
    self._findings = findings
    self._request = request
    self._used: list[Setting] = []
    self.opposites = any(
      len({setting.value for setting in entries if setting.name == name}) > 1
      for name in ("side", "position")
    )

  def has(self, name: str) -> bool:
    """Whether the request has this filter."""
    return any(setting.name == name for setting in self._entries)

  def use(self, name: str, default: Any = None) -> Any:
    """The value of a filter, which then has its effect; `default` where there is none. Asks where
    there are several and one is needed."""
    found = self.use_list(name)
    if not found:
      return default
    if name in ("side", "position") and len(found) > 1:
      return default
    if len(found) > 1 and name not in LISTS:
      self._findings.ask(self._which(name))
    return found[0]

  def use_list(self, name: str) -> list[Any]:
    """All values of a filter, each once."""
    found: list[Any] = []
    for setting in self._entries:
      if setting.name != name:
        continue
      self._used.append(setting)
      values = setting.value if isinstance(setting.value, list) else [setting.value]
      found += [value for value in values if value not in found]
    return found

  def use_all(self) -> None:
    """Takes every filter for used, where it is not known what they would do."""
    self._used += self._entries

  def used(self) -> list[Setting]:
    """The filters that were used, in the order of the request."""
    return [setting for setting in self._entries if setting in self._used]

  def plain(self) -> list[tuple[str, Any]]:
    """Names and values, to compare."""
    return [(setting.name, setting.value) for setting in self._entries]

  def join(self, other: "Settings") -> None:
    """Adds equal settings of other words, so that these have their effect, too."""
    self._entries += [setting for setting in other._entries if setting not in self._entries]

  def _which(self, name: str) -> str:
    entries = [setting for setting in self._entries if setting.name == name]
    if name.startswith(("min_", "max_")) and name != "min_move_pct":
      written = self._request.text_of(entries[0].chunk)
      return f"Which bound: {written!r}, or the other one?"
    choices = " or ".join(_choice(name, setting.value) for setting in _distinct(entries))
    return f"Which {_LABELS.get(name, name)}: {choices}?"


def _distinct(entries: Iterable[Setting]) -> list[Setting]:
  found: list[Setting] = []
  for setting in entries:
    if all(setting.value != other.value for other in found):
      found.append(setting)
  return found


def _choice(name: str, value: Any) -> str:
  """One value of a filter as a question shows it."""
  if name.endswith("_sec"):
    return duration_text(value)
  return f"{value:g}%" if name == "min_move_pct" else str(value)
