"""From plain text to a checked spec, by whatever parsers are installed.

The command line and the control plane ask here; neither knows a parser.
"""

from typing import Any

import attrs
import msgspec

from bond_commandkit.unlisted import UnlistedSymbol, unlisted_of
from bond_core import ParserType, PluginError, Reading, SourceType, Spec, SpecError, load_spec
from bond_core.config import one_of
from bond_core.packages import fault_of, packages_with
from bond_core.specs import Components

STARTING = ("ok", "warn")
"""The outcomes of which a spec may be started without a person's word."""

_OUTCOMES = (*STARTING, "ask", "reject")
_LISTED = {"symbol": "symbols", "source": "sources", "exchange": "exchanges"}


@attrs.frozen
class Answer:
  """What a text means. `spec` is the checked spec, None where it may not or cannot start; then
  `problems` says why, one sentence each. `reading` is what `parser` made of the text. Where the
  lists of markets that this machine keeps are all that is against it, `unlisted` says so."""

  text: str
  parser: str
  reading: Reading
  spec: Spec | None = None
  problems: tuple[str, ...] = ()
  unlisted: bool = False

  def understood(self) -> dict[str, Any]:
    """The answer as plain data, for JSON: what was asked for, what arrives, and the account of
    every word. Defaults are in the account alone: `interval_sec` None was not said, 0 is every
    update. `can_start` says that the spec starts as it is, which what is understood may not."""
    reading = self.reading
    return {
      "text": self.text,
      "outcome": reading.outcome,
      "can_start": self.spec is not None,
      "sentence": reading.sentence,
      **summary_of(reading),
      "unknown": reading.unknown,
      "questions": reading.questions,
      "offers": reading.offers,
      "missing": reading.missing,
      "packages": reading.packages,
      "delivers": reading.delivers,
      "remarks": reading.remarks,
      "problems": list(self.problems),
      "account": reading.account,
      "spec": reading.spec,
      "parser": self.parser,
    }


class TextToSpec:
  """Asks the installed parsers, or only the one that `parser` names (or its plugin); they and the
  words of the sources are looked up once.

  PluginError where no parser is installed, or none of that name. A text is from outside unless it
  is `trusted`, as for load_spec. What the lists of markets that this machine keeps do not have
  cannot start, unless `listed` is False: for runs, which read the venue's own list, and for
  simulators.
  """

  def __init__(
    self,
    registry: Components,
    *,
    trusted: bool = True,
    parser: str | None = None,
    listed: bool = True,
  ) -> None:
    self._registry = registry
    self._trusted = trusted
    self._listed = listed
    parsers = [parser for parser in registry.all(ParserType) if parser.parse is not None]
    if not parsers:
      hint = packages_with("parser")
      raise PluginError(f"no parser of plain text is installed; pip install {hint}")
    if parser is not None:
      names = [known.name for known in parsers]
      parsers = [known for known in parsers if parser in (known.name, known.name.partition(".")[0])]
      if not parsers:
        raise PluginError(f"no parser {parser!r} is installed; there is {one_of(names, 'and')}")
    self._parsers = sorted(parsers, key=lambda parser: parser.rank)
    self._words = source_words(registry)

  def read(self, text: str) -> Answer:
    """What the parsers make of a text; the spec is checked as any other.

    They are asked in the order of their ranks until one does more than ask back; where all ask, the
    last that offers a spec counts, else the first, with the remarks of those that had no use.
    PluginError where one breaks its promises.
    """
    readings: list[tuple[str, Reading]] = []
    for parser in self._parsers:
      readings.append((parser.name, _read(parser, text, self._words)))
      if readings[-1][1].outcome != "ask":
        break
    else:
      readings.append(_best_of(readings))
    name, reading = readings[-1]
    spec, problems = self._checked(reading)
    missing = [] if spec is None or not self._listed else unlisted_of(spec)
    if not missing:
      return Answer(text, name, reading, spec, problems)
    reading = attrs.evolve(reading, offers=self._listed_instead(text, name, reading, missing))
    return Answer(text, name, reading, None, tuple(one.reason for one in missing), unlisted=True)

  def _listed_instead(
    self, text: str, name: str, reading: Reading, missing: list[UnlistedSymbol]
  ) -> list[dict[str, str]]:
    """The request with a market that is listed, where it then starts with that: where there is one
    symbol to replace, since each of these requests is read and checked again."""
    one, *others = missing
    found: list[dict[str, str]] = []
    if any(other.symbol != one.symbol for other in others):
      return found
    parser = next(parser for parser in self._parsers if parser.name == name)
    for near in one.nearest:
      request = _in_place(text, reading, one.symbol, near)
      spec, _ = self._checked(_read(parser, request, self._words))
      named = spec is not None and any(
        near in getattr(node.config, "symbols", ()) for node in spec.sources.values()
      )
      if spec is not None and named and not unlisted_of(spec):
        found.append({"question": one.reason, "request": request})
    return found

  def _checked(self, reading: Reading) -> tuple[Spec | None, tuple[str, ...]]:
    """The spec of a reading that may start, or why there is none."""
    if reading.outcome not in STARTING:
      return None, tuple(reading.questions)
    if reading.missing:
      return None, tuple(reading.missing)
    if reading.spec is None:
      return None, ("the request is understood, and nothing has to be started for it",)
    text = msgspec.json.encode(reading.spec)
    try:
      spec = load_spec(text, file="request", registry=self._registry, trusted=self._trusted)
    except SpecError as exc:
      return None, tuple(f"{problem.path}: {problem.message}" for problem in exc.problems)
    return spec, ()


def text_to_spec(
  text: str, registry: Components, *, trusted: bool = True, listed: bool = True
) -> Answer:
  """What the installed parsers make of one text; see TextToSpec."""
  return TextToSpec(registry, trusted=trusted, listed=listed).read(text)


def _in_place(text: str, reading: Reading, symbol: str, other: str) -> str:
  """A request with another market wherever it names this one's asset or pair."""
  pair = symbol.partition(":")[0]
  names = (pair, pair.partition("/")[0])
  places = {
    (entry["start"], entry["end"])
    for entry in reading.account
    if entry["slot"] == "symbol" and entry["value"] in names and entry["start"] is not None
  }
  for start, end in sorted(places, reverse=True):
    text = text[:start] + other + text[end:]
  return text


def _best_of(asking: list[tuple[str, Reading]]) -> tuple[str, Reading]:
  """The reading that counts of several that all ask."""
  offering = [entry for entry in asking if entry[1].spec is not None]
  name, reading = offering[-1] if offering else asking[0]
  idle = [r for _, r in asking if r is not reading and not r.delivers]
  remarks = [*reading.remarks, *(remark for other in idle for remark in other.remarks)]
  return name, attrs.evolve(reading, remarks=remarks)


def _read(parser: ParserType, text: str, words: dict[str, str]) -> Reading:
  try:
    if parser.parse is None:
      raise TypeError("it reads no plain text")
    reading = parser.parse(text, dict(words))
  except BaseException as exc:
    error = fault_of(exc)
    raise PluginError(
      f"the parser {parser.name!r} failed with {type(error).__name__}: {error}"
    ) from exc
  if not isinstance(reading, Reading) or reading.outcome not in _OUTCOMES:
    raise PluginError(
      f"the parser {parser.name!r} gave {type(reading).__name__}; it must give a Reading with the "
      f"outcome {one_of(_OUTCOMES)}"
    )
  return reading


def source_words(registry: Components) -> dict[str, str]:
  """The words of English that installed sources answer to, and whose they are; the first plugin
  that has a word keeps it. A public source without words, as one for any venue, answers to its
  name, so that a parser sees that it is there."""
  words: dict[str, str] = {}
  for source in registry.all(SourceType):
    own = (source.name,) if source.public else ()
    for word in source.words or own:
      words.setdefault(word.casefold(), source.name)
  return words


def summary_of(reading: Reading) -> dict[str, Any]:
  """Symbols, sources, exchanges, interval_sec and filters: what a reading's account adds up to."""
  found: dict[str, Any] = {key: [] for key in _LISTED.values()}
  interval: float | None = None
  filters: dict[str, Any] = {}
  for entry in reading.account:
    slot, value = entry["slot"], entry["value"]
    if entry["how"] == "default":
      continue
    if slot in _LISTED:
      if value not in found[_LISTED[slot]]:
        found[_LISTED[slot]].append(value)
    elif slot == "interval":
      interval = value
    elif slot == "filter":
      _narrow(filters, value)
  return {**found, "interval_sec": interval, "filters": filters}


def _narrow(filters: dict[str, Any], more: dict[str, Any]) -> None:
  """Adds filters; values of one key that differ become a list."""
  for key, value in more.items():
    old = filters.get(key, value)
    if old == value:
      filters[key] = value
      continue
    both = old if isinstance(old, list) else [old]
    filters[key] = [
      *both,
      *(v for v in (value if isinstance(value, list) else [value]) if v not in both),
    ]
