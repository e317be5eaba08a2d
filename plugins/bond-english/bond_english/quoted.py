"""A request as clauses of its own words, for parsers that divide it and leave the reading to the
grammar.

Who divides a request says which of its words belong together, and for words that the grammar does
not know, which kind of data or market they mean, from a closed list. The quoted words are put in
the grammar's usual order and read by it, so that every number and every name is what it reads in
the request itself. `SCHEMA` is the JSON Schema of such clauses.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec

from bond_core import Reading
from bond_english.clauses.chart import best_ways
from bond_english.parsing import MAX_CHARACTERS, parse
from bond_english.reading.lexer import readings
from bond_english.reading.source_words import read_source_words
from bond_english.reading.spelling import correct
from bond_english.text.chunks import (
  EVENT,
  KIND,
  MARKET_TYPE,
  METRIC,
  POSTS,
  PROVIDER,
  VAGUE_KIND,
  WEAK_KIND,
  Role,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import Token, tokenise
from bond_english.words import data, filler

DATA = tuple(phrases[0] for phrases in (*data.PHRASES.values(), *data.EVENTS.values()))
MARKETS = tuple(phrases[0] for phrases in data.MARKET_TYPES.values())

MAX_QUOTES = 200
"""Quotations of clauses, and again of ignored words: a request has up to 120 tokens."""
_MODIFIERS = ("instruments", "venues", "filters", "window", "every")
_DATA_ROLES: tuple[Role, ...] = (KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, POSTS)
_NEGATIONS = PhraseTable((phrase, None) for phrase in filler.NEGATIONS)
_PLACING = frozenset(("on", "at", "from", "via", "through", "by", "in", "using", "across"))
_SEPARATORS = frozenset(",;&|+()!?:\"'“”‘’")
"""Signs beside which a quotation may end without a space."""
_SAID = frozenset(("symbol", "source", "exchange", "interval", "filter", "quote", "chain"))
"""Slots of what a stream is made of."""

Quote: TypeAlias = Annotated[str, msgspec.Meta(description="Words of the request, copied exactly.")]


def _choice(names: tuple[str, ...]) -> msgspec.Meta:
  return msgspec.Meta(extra_json_schema={"enum": list(names)})


class DataWords(msgspec.Struct, forbid_unknown_fields=True):
  """Words that name a kind of data, and which one they mean."""

  means: Annotated[str, _choice(DATA)]
  words: Quote


class MarketWords(msgspec.Struct, forbid_unknown_fields=True):
  """Words that name a type of market, and which one they mean."""

  means: Annotated[str, _choice(MARKETS)]
  words: Quote


_KNOWN: Mapping[type, tuple[tuple[str, ...], tuple[Role, ...]]] = {
  DataWords: (DATA, _DATA_ROLES),
  MarketWords: (MARKETS, (MARKET_TYPE,)),
}
"""What words may mean, and the roles of words of which the grammar knows it."""


class Clause(msgspec.Struct, forbid_unknown_fields=True):
  """One delivery: data of instruments, with all that narrows it. What several clauses share stands
  in each of them."""

  data: list[DataWords]
  instruments: Annotated[list[Quote], msgspec.Meta(description="Assets, pairs and tickers.")]
  markets: list[MarketWords]
  venues: Annotated[list[Quote], msgspec.Meta(description="Exchanges and chains.")]
  filters: Annotated[
    list[Quote],
    msgspec.Meta(description="Bounds, sides, authors, wallets, depths: with their little words."),
  ]
  window: Annotated[list[Quote], msgspec.Meta(description="Lengths of bars and windows.")]
  every: Annotated[list[Quote], msgspec.Meta(description="How often.")]
  left_out: Annotated[list[Quote], msgspec.Meta(description="What the request does not want.")]


class Clauses(msgspec.Struct, forbid_unknown_fields=True):
  """A request divided into clauses; `ignored` are words that say nothing about them."""

  clauses: list[Clause]
  ignored: list[Quote]


def _schema() -> dict[str, Any]:
  found = msgspec.json.schema(Clauses)
  parts = found["$defs"]
  return {**parts.pop("Clauses"), "$defs": parts}


SCHEMA = _schema()


Entry: TypeAlias = dict[str, Any]


class NotQuoted(ValueError):
  """Why clauses are not made of the request: the rest of a sentence about them."""


def read_clauses(text: str, divided: Clauses, source_words: Mapping[str, str]) -> Reading:
  """What a divided request means: always `ask`, with the spec for somebody to confirm.

  Raises NotQuoted for words that are not in the text, for a kind that is none, and for more clauses
  than a request can have.
  """
  own = parse(text, source_words)
  order = _Order(text, source_words)
  for clause in divided.clauses:
    order.add(clause)
  if len(divided.ignored) > MAX_QUOTES:
    raise NotQuoted("it has more words than a request can have")
  ignored = [order.place(words) for words in divided.ignored]
  found = parse(order.text, source_words, apart=True)
  entries = order.entries(found.account)
  rest, doubtful = _uncovered(order, own.account, [*order.used, *_spans(entries)], ignored)
  questions = [*_read_otherwise(own.account, entries, order.used), *_about(text, doubtful)]
  if found.spec is not None:
    lines = dict.fromkeys(entry["text"] for entry in found.delivers)
    questions.insert(0, f"Is this meant: {'; '.join(lines)}?")
  account = sorted([*entries, *rest], key=lambda e: (e["start"] is None, e["start"] or 0))
  return Reading(
    outcome="ask",
    spec=found.spec,
    account=[{**entry, "id": number} for number, entry in enumerate(account)],
    unknown=list(dict.fromkeys(e["text"] for e in account if e["slot"] == "unknown")),
    questions=[*questions, *found.questions],
    sentence=found.sentence,
    missing=found.missing,
    packages=found.packages,
    delivers=found.delivers,
    remarks=[*found.remarks, *order.remarks, *_passed_over(rest, doubtful)],
  )


# The usual order --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Span:
  """A piece of the request, from character `start` up to `end`."""

  start: int
  end: int

  def meets(self, other: "_Span") -> bool:
    """Whether it has characters of another piece."""
    return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class _Piece:
  """Where words of the ordered text are in the request; `meant`: others stand in their place."""

  at: _Span
  source: _Span
  meant: bool

  def place(self, part: _Span) -> _Span:
    """Where a part of the ordered text is in the request, as far as it is of these words."""
    if self.meant:
      return self.source
    shift = self.source.start - self.at.start
    return _Span(max(part.start, self.at.start) + shift, min(part.end, self.at.end) + shift)


class _Quoted(NamedTuple):
  """Quoted words in their slot of a clause; `meant` has to stand for them."""

  slot: str
  words: str
  where: _Span
  meant: str


class _Order:
  """The words of clauses in the order in which the grammar reads them best: `text`. `used` are the
  pieces of the request that are in it, `remarks` which words were taken for others; `tokens` are
  those of the `request`."""

  def __init__(self, text: str, source_words: Mapping[str, str]) -> None:
    self.text = ""
    self.used: list[_Span] = []
    self.remarks: list[str] = []
    self.tokens = tokenise(text)
    self.request = text
    self._cuts = _cuts(text, self.tokens)
    self._sources = read_source_words(source_words)
    self._pieces: list[_Piece] = []

  def add(self, clause: Clause) -> None:
    """Adds the words of a clause. What stands right beside its data stays there, as "long
    liquidations" do."""
    left_out = [self._quoted("left_out", words) for words in clause.left_out]
    quotes = [self._quoted("data", entry.words, self._meant(entry)) for entry in clause.data]
    for name in _MODIFIERS:
      quotes += [self._quoted(name, words) for words in getattr(clause, name)]
    quotes += [self._quoted("markets", m.words, self._meant(m)) for m in clause.markets]
    heads = self._heads(quotes)
    before = "; "
    for head in heads:
      for quote in head:
        self._write(quote, before)
        before = " "
      before = " and "
    rest = [quote for quote in quotes if not any(quote in head for head in heads)]
    for name in ("instruments", "markets", "venues", "filters", "window", "every"):
      before = " of " if name == "instruments" and heads else " · "
      for quote in rest:
        if quote.slot == name:
          bare = name == "venues" and quote.words.split()[0].casefold() not in _PLACING
          self._write(quote, " on " if bare and before == " · " else before)
          before = " and " if name in ("instruments", "venues") else " · "
    for quote in left_out:
      negated = _NEGATIONS.longest_at(tokenise(quote.words), 0) is not None
      self._write(quote, ", " if negated else ", not ")
    if len(self.text) > MAX_CHARACTERS:
      raise NotQuoted("it has more clauses than a request can have")

  def _heads(self, quotes: list[_Quoted]) -> list[list[_Quoted]]:
    """Runs of quotations that stand side by side in the request, with data among them: with all
    instruments of the clause, or none."""
    instruments = [quote for quote in quotes if quote.slot == "instruments"]
    for pool in (quotes, [quote for quote in quotes if quote not in instruments]):
      runs: list[list[_Quoted]] = []
      for quote in sorted(pool, key=lambda one: one.where.start):
        if runs and self._follows(runs[-1][-1].where, quote.where):
          runs[-1].append(quote)
        else:
          runs.append([quote])
      heads = [run for run in runs if any(quote.slot == "data" for quote in run)]
      inside = [quote for head in heads for quote in head if quote.slot == "instruments"]
      if len(inside) in (0, len(instruments)):
        return heads
    return []

  def place(self, words: str) -> _Span:
    """Where quoted words are in the request: a place that no other quotation has, if there is one.
    Raises NotQuoted where they are not."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    places = [
      _Span(match.start(), match.end())
      for match in (re.finditer(pattern, self.request, re.IGNORECASE) if pattern else ())
      if {match.start(), match.end()} <= self._cuts
    ]
    if not places:
      raise NotQuoted("it quotes words that are not in the request")
    return next((place for place in places if place not in self.used), places[0])

  def entries(self, account: Iterable[Entry]) -> list[Entry]:
    """The account of the ordered text as one of the request. Words between the quotations are
    nobody's; what stands in several clauses is one entry."""
    found: dict[tuple[object, ...], Entry] = {}
    for entry in account:
      made = dict(entry)
      if entry["start"] is not None:
        at = _Span(entry["start"], entry["end"])
        met = [piece for piece in self._pieces if piece.at.meets(at)]
        if not met:
          continue
        places = [piece.place(at) for piece in met]
        start, end = places[0].start, max(places[0].end, places[-1].end)
        made |= {"start": start, "end": end, "text": self.request[start:end]}
        if entry["slot"] in _SAID and any(piece.meant for piece in met):
          made["how"] = "assumed"
      key = (made["start"], made["end"], made["slot"], repr(made["value"]))
      known = found.setdefault(key, made)
      known["shaped"] = list(dict.fromkeys([*known["shaped"], *entry["shaped"]]))
    return list(found.values())

  def _quoted(self, slot: str, words: str, meant: str = "") -> _Quoted:
    if len(self.used) >= MAX_QUOTES:
      raise NotQuoted("it has more words than a request can have")
    where = self.place(words)
    self.used.append(where)
    return _Quoted(slot, words, where, meant)

  def _meant(self, entry: DataWords | MarketWords) -> str:
    """What has to stand for the words of an entry: nothing else where the grammar reads them."""
    known, roles = _KNOWN[type(entry)]
    if entry.means not in known:
      raise NotQuoted("it names a kind that cannot be chosen")
    tokens = tokenise(entry.words)
    alike = correct(tokens, self._sources.words)
    chunks = best_ways(tokens, readings(tokens, self._sources, alike))[0] if tokens else []
    if any(chunk.role in roles for chunk in chunks):
      return ""
    self.remarks.append(f"Taken for {entry.means}: {entry.words}")
    return entry.means

  def _write(self, quote: _Quoted, before: str) -> None:
    source = quote.where
    if (
      self._pieces and before in (" · ", " and ") and self._follows(self._pieces[-1].source, source)
    ):
      before = " "
    written = quote.meant or self.request[source.start : source.end]
    self.text += before if self.text else ""
    at = _Span(len(self.text), len(self.text) + len(written))
    self.text += written
    self._pieces.append(_Piece(at, source, bool(quote.meant)))

  def _follows(self, one: _Span, other: _Span) -> bool:
    """Whether nothing but space is between two pieces of the request."""
    return one.end <= other.start and not self.request[one.end : other.start].strip()


def _cuts(text: str, tokens: list[Token]) -> set[int]:
  """Where a quotation may begin or end: never within a number and its unit, or a pair."""
  cuts = {0, len(text)}
  for number, token in enumerate(tokens):
    apart = number + 1 == len(tokens) or not tokens[number + 1].attached
    if not token.attached or token.text in _SEPARATORS:
      cuts.add(token.start)
    if apart or token.text in _SEPARATORS:
      cuts.add(token.end)
    if apart and token.text == ".":
      cuts.add(token.start)
  return cuts


# What is not in the reading ---------------------------------------------------------------------


def _spans(entries: Iterable[Entry]) -> list[_Span]:
  return [_Span(e["start"], e["end"]) for e in entries if e["start"] is not None]


def _uncovered(
  order: _Order, account: list[Entry], covered: list[_Span], ignored: list[_Span]
) -> tuple[list[Entry], list[_Span]]:
  """An entry for each run of words of the request that is in no clause: ignored, or, where nothing
  is said of it, unknown. And where the grammar takes them for more than words between."""
  rest: list[Entry] = []
  doubtful: list[_Span] = []
  for token in order.tokens:
    where = _Span(token.start, token.end)
    if any(span.meets(where) for span in covered):
      continue
    own = next(e for e, span in zip(account, _spans(account), strict=False) if span.meets(where))
    plain = own["slot"] in ("filler", "ignored")
    said = any(span.meets(where) for span in ignored)
    slot = own["slot"] if plain else "ignored" if said else "unknown"
    if (
      rest and rest[-1]["slot"] == slot and not order.request[rest[-1]["end"] : where.start].strip()
    ):
      where = _Span(rest.pop()["start"], where.end)
      doubtful = doubtful if plain else doubtful[:-1]
    if not plain:
      doubtful.append(where)
    written = {
      "start": where.start,
      "end": where.end,
      "text": order.request[where.start : where.end],
    }
    rest.append({**written, "slot": slot, "value": None, "how": "exact", "shaped": []})
  return rest, doubtful


def _about(text: str, doubtful: list[_Span]) -> list[str]:
  """One question about all words that are in no clause and may have to be."""
  listed = ", ".join(dict.fromkeys(repr(text[span.start : span.end]) for span in doubtful))
  return [f"{listed}: in no part of this reading; leave it out?"] if listed else []


def _passed_over(rest: list[Entry], doubtful: list[_Span]) -> list[str]:
  """A remark about plain words in no clause."""
  plain = [
    entry["text"]
    for entry in rest
    if entry["slot"] == "ignored" and _Span(entry["start"], entry["end"]) not in doubtful
  ]
  return [f"Ignored: {', '.join(dict.fromkeys(plain))}"] if plain else []


def _read_otherwise(account: list[Entry], entries: list[Entry], used: list[_Span]) -> list[str]:
  """A question for each piece in a clause that the grammar by itself reads otherwise."""
  found: list[str] = []
  for entry in account:
    if entry["slot"] not in (*_SAID, "left_out") or entry["start"] is None:
      continue
    where = _Span(entry["start"], entry["end"])
    alike = any(
      (other["slot"], other["value"]) == (entry["slot"], entry["value"])
      and other["start"] is not None
      and where.meets(_Span(other["start"], other["end"]))
      for other in entries
    )
    if not alike and any(where.meets(span) for span in used):
      what = "left out" if entry["slot"] == "left_out" else entry["slot"]
      found.append(f"{entry['text']!r}, by itself {what}, is something else here; is that right?")
  return list(dict.fromkeys(found))
