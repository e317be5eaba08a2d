"""What clauses share: in "funding on bybit and OI on okx for BTC" both are of BTC, in "whale buys
on BTC, whale sells on ETH, binance" both are on binance.

A clause without a subject takes that of the clause before it, else after it; one without data takes
the data. Modifiers are of their clause, and of others where those have none:

- venues and chains of one clause are of all, those of several each of its own and of the next one
  without;
- an interval is of all clauses without, unless it is of one kind of event (every trade);
- markets and filters are of all where they stand apart, at the end or at the beginning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request, Scope
from bond_english.meaning.settings import Setting, Settings, applies
from bond_english.quantities.intervals import Interval
from bond_english.reading.pairs import Pair, pairs_of
from bond_english.text.chunks import (
  ASSET,
  AUTHOR,
  CHAIN,
  FILTER,
  INTERVAL,
  KIND,
  MARKET_TYPE,
  PAIR,
  QUERY,
  VENUE,
  Chunk,
)
from bond_english.words import data
from bond_english.words.chains import CHAIN_OF_ASSET


@dataclass(frozen=True, slots=True)
class Symbol:
  """A symbol as a request names it."""

  pair: Pair
  chunk: Chunk


@dataclass(slots=True)
class Selection:
  """One kind of data, or a source, of some symbols; venues, markets and chains are empty where the
  request names none. `chunk` is the one that names the kind, None for an assumed kind.

  `intervals` are the chunks that say how often, `blend` and `count` those that ask for one figure
  of several venues, and for the number of events.
  """

  kind: str
  chunk: Chunk | None
  settings: Settings
  symbols: list[Symbol] = field(default_factory=list)
  venues: list[Chunk] = field(default_factory=list)
  markets: list[Chunk] = field(default_factory=list)
  chains: list[Chunk] = field(default_factory=list)
  intervals: list[Chunk] = field(default_factory=list)
  blend: list[Chunk] = field(default_factory=list)
  count: list[Chunk] = field(default_factory=list)
  blended: bool = False

  def chunks(self) -> list[Chunk]:
    """The chunks of which every node of the selection is made."""
    own = [self.chunk] if self.chunk is not None else []
    kind = data.KINDS.get(self.kind)
    markets = self.markets if kind is None or kind.market else []
    return [*own, *(symbol.chunk for symbol in self.symbols), *markets, *self.count]

  @property
  def venue_names(self) -> list[str]:
    """Its venues, each once."""
    return list(dict.fromkeys(chunk.value for chunk in self.venues))

  @property
  def market_types(self) -> list[str]:
    """Its market types, each once."""
    return list(dict.fromkeys(chunk.value for chunk in self.markets))

  @property
  def chain_names(self) -> list[str]:
    """Its chains, each once."""
    return list(dict.fromkeys(chunk.value for chunk in self.chains))


@dataclass(slots=True)
class _Clause:
  """The chunks of a clause by what they are. `opposed` says that it has a side, and another clause
  the other one, or a venue, and the clause before it another one: buys on binance and sells on okx,
  okx perps, bybit spot."""

  scope: Scope
  kinds: list[tuple[str, Chunk]] = field(default_factory=list)
  symbols: list[Symbol] = field(default_factory=list)
  venues: list[Chunk] = field(default_factory=list)
  markets: list[Chunk] = field(default_factory=list)
  chains: list[Chunk] = field(default_factory=list)
  intervals: list[Chunk] = field(default_factory=list)
  settings: list[Setting] = field(default_factory=list)
  blend: list[Chunk] = field(default_factory=list)
  count: list[Chunk] = field(default_factory=list)
  opposed: bool = False

  @property
  def is_bare(self) -> bool:
    """Whether it has modifiers and nothing that they are of."""
    return not self.kinds and not self.symbols and not self.opposed


_SIDES = frozenset(("side", "position"))


def inherit_kinds(clauses: list[Scope]) -> None:
  """Gives clauses with a subject alone the kinds of the clause before them, else after them."""
  own = [
    frozenset(kind for chunk in clause.having(KIND) for kind in chunk.value) for clause in clauses
  ]
  for index, clause in enumerate(clauses):
    if not own[index]:
      order = [*reversed(range(index)), *range(index + 1, len(clauses))]
      clause.inherited = next((own[other] for other in order if own[other]), frozenset())


def neighbours(request: Request, scopes: list[Scope]) -> list[list[Scope]]:
  """The clauses that share with each other: all, or those between two semicolons where the request
  says that these part it."""
  if not request.apart:
    return [scopes]
  ends = [at for at, token in enumerate(request.tokens) if token.text == ";"]
  groups: dict[int, list[Scope]] = {}
  for scope in scopes:
    first = min(chunk.first for chunk in scope.chunks)
    # The semicolon itself is of the clause before it.
    groups.setdefault(sum(end < first for end in ends), []).append(scope)
  return list(groups.values())


def share(request: Request, scopes: list[Scope], findings: Findings) -> list[Selection]:
  """Every kind of data, named or assumed, with all that it is of."""
  clauses = [
    clause for group in neighbours(request, scopes) for clause in _shared(list(map(_clause, group)))
  ]
  assumed = [kind for slot, kind, _ in findings.assumptions if slot == "source"]
  selections: list[Selection] = []
  for clause in clauses:
    named: list[tuple[str, Chunk | None]] = [*clause.kinds]
    if assumed and clause.symbols:
      named = [*((kind, None) for kind in assumed), *named]
    elif assumed and not clause.kinds:
      named = [(kind, None) for kind in assumed]
    for kind, chunk, part in (
      (kind, chunk, part) for kind, chunk in named for part in _by_unit(clause)
    ):
      found = _selection(part, kind, chunk, findings, request)
      same = next((other for other in selections if _is_same(other, found)), None)
      if same is None:
        selections.append(found)
      else:
        _join(same, found)
  return selections


def _by_unit(clause: _Clause) -> list[_Clause]:
  """The clause, or one for each of its assets where each has an amount of its own: at least 50 WBTC
  or 1m DAI."""
  amounts = [(s, s.value["unit"]) for s in clause.settings if s.name.endswith("_amount")]
  units = {unit for _, unit in amounts}
  if len(units) < 2 or units != {symbol.pair.base for symbol in clause.symbols}:
    return [clause]
  return [
    replace(
      clause,
      symbols=[symbol for symbol in clause.symbols if symbol.pair.base == unit],
      settings=[s for s in clause.settings if all(s is not o or u == unit for o, u in amounts)],
    )
    for unit in dict.fromkeys(symbol.pair.base for symbol in clause.symbols)
  ]


def _shared(clauses: list[_Clause]) -> list[_Clause]:
  """These clauses with what they have of each other."""
  clauses = _without_restatements(clauses)
  _find_opposed(clauses)
  _share_trailing_symbols(clauses)
  _share_bare(clauses)
  clauses = [clause for clause in clauses if not clause.is_bare] or clauses[:1]
  _share_kinds(clauses)
  _share_symbols(clauses)
  _share_lists(clauses)
  _share_intervals(clauses)
  _share_settings(clauses)
  return clauses


def _clause(scope: Scope) -> _Clause:
  clause = _Clause(scope)
  for chunk in scope.chunks:
    if chunk.left_out:
      continue
    if chunk.role == KIND:
      clause.kinds += [(kind, chunk) for kind in chunk.value]
    elif chunk.role in (ASSET, PAIR):
      clause.symbols += [Symbol(pair, chunk) for pair in pairs_of(chunk)]
    elif chunk.role == VENUE:
      clause.venues.append(chunk)
    elif chunk.role == MARKET_TYPE:
      clause.markets.append(chunk)
    elif chunk.role == CHAIN:
      clause.chains.append(chunk)
    elif chunk.role == INTERVAL:
      clause.intervals.append(chunk)
    elif chunk.role == FILTER and chunk.value == "blend":
      clause.blend.append(chunk)
    elif chunk.role == FILTER and chunk.value == "count":
      clause.count.append(chunk)
    if chunk.role not in (CHAIN, MARKET_TYPE):
      clause.settings += _settings_of(chunk)
    for slot, value, _ in chunk.facts:
      if slot == "symbol":
        clause.symbols.append(Symbol(Pair(value, None), chunk))
  return clause


def _settings_of(chunk: Chunk) -> Iterable[Setting]:
  """The filters that a chunk states; bounds are on the kinds that its value names."""
  kinds = chunk.value if chunk.role == FILTER and isinstance(chunk.value, tuple) else None
  if chunk.role == AUTHOR:
    yield Setting("authors", [chunk.value], chunk, None)
  for slot, value, _ in chunk.facts:
    if slot == "filter":
      for name, amount in value.items():
        yield Setting(name, amount, chunk, kinds)


def _without_restatements(clauses: list[_Clause]) -> list[_Clause]:
  """The clauses without those that say the data of the one before again, to narrow it: the tape of
  SOL, only clips over $250k; trades on okx, only SOL trades over $250k."""
  kept: list[_Clause] = []
  for clause in clauses:
    kinds = {kind for kind, _ in clause.kinds}
    before = kept[-1] if kept else None
    again = (
      before is not None
      and bool(kinds)
      and kinds <= {kind for kind, _ in before.kinds}
      and not (clause.venues or clause.markets or clause.chains)
      and bool(before.symbols) != bool(clause.symbols)
      and not (before.settings and clause.settings)
    )
    if before is None or not again:
      kept.append(clause)
      continue
    before.symbols += clause.symbols
    before.settings += clause.settings
    before.intervals += clause.intervals
    before.blend += clause.blend
    before.count += clause.count
    for kind, chunk in clause.kinds:
      next(first for name, first in before.kinds if name == kind).parts.append(chunk)
  return kept


def _find_opposed(clauses: list[_Clause]) -> None:
  sides = [{s.value for s in clause.settings if s.name in _SIDES} for clause in clauses]
  places = [{chunk.value for chunk in clause.venues} for clause in clauses]
  for index, clause in enumerate(clauses):
    sided = sides[index] and any(other and other != sides[index] for other in sides)
    located = places[index] and index and places[index - 1] - places[index]
    clause.opposed = bool(sided or located)


def _share_trailing_symbols(clauses: list[_Clause]) -> None:
  """Symbols alone at the end are of all clauses before, where none of these has any: buys on
  coinbase, sells on kraken, btc/usd."""
  *before, last = clauses
  alone = not (last.kinds or last.venues or last.settings or last.intervals)
  if before and last.symbols and alone and not any(clause.symbols for clause in before):
    for clause in before:
      clause.symbols = list(last.symbols)
      clause.markets = clause.markets or list(last.markets)
    clauses.pop()


def _share_bare(clauses: list[_Clause]) -> None:
  """Modifiers that stand alone are of every clause."""
  for bare in clauses:
    if not bare.is_bare:
      continue
    for clause in clauses:
      if clause is bare or clause.is_bare:
        continue
      clause.venues = clause.venues or list(bare.venues)
      clause.markets = clause.markets or list(bare.markets)
      clause.chains = clause.chains or list(bare.chains)
      clause.intervals = clause.intervals or list(bare.intervals)
      names = {setting.name for setting in clause.settings}
      clause.settings += [setting for setting in bare.settings if setting.name not in names]
      clause.blend += bare.blend
      clause.count += bare.count


def _neighbours(clauses: list[_Clause], index: int) -> list[_Clause]:
  """The clauses before one, the nearest first, then those after it."""
  return [*reversed(clauses[:index]), *clauses[index + 1 :]]


def _share_kinds(clauses: list[_Clause]) -> None:
  own = [bool(clause.kinds) for clause in clauses]
  for index, clause in enumerate(clauses):
    if own[index]:
      continue
    having = [c for c, has in zip(clauses, own, strict=True) if has]
    donor = next((c for c in _neighbours(clauses, index) if c in having), None)
    if donor is None:
      continue
    clause.kinds = list(donor.kinds)
    names = {setting.name for setting in clause.settings}
    # What belongs to the chunk of the kind comes with it, as which events on a chain; bounds and
    # the like as well, where the clause has none of its own.
    clause.settings += [
      setting
      for setting in donor.settings
      if setting.chunk.role == KIND or setting.name not in names
    ]
    clause.markets = clause.markets or list(donor.markets)
    clause.intervals = clause.intervals or list(donor.intervals)
    clause.blend += donor.blend
    clause.count += donor.count


def _share_symbols(clauses: list[_Clause]) -> None:
  own = [bool(clause.symbols) for clause in clauses]
  for index, clause in enumerate(clauses):
    takes = clause.opposed or any(_takes_subject(clause, kind) for kind, _ in clause.kinds)
    if own[index] or not takes:
      continue
    having = [c for c, has in zip(clauses, own, strict=True) if has]
    donor = next((c for c in _neighbours(clauses, index) if c in having), None)
    if donor is not None:
      clause.symbols = list(donor.symbols)
      named = [symbol.chunk for symbol in donor.symbols]
      # The token of an address is that of the address.
      clause.settings += [s for s in donor.settings if any(s.chunk is chunk for chunk in named)]
      clause.markets = clause.markets or [c for c in donor.markets if not _derivatives(clause)]


def _derivatives(clause: _Clause) -> bool:
  return all(kind in data.DERIVATIVES for kind, _ in clause.kinds)


def _takes_subject(clause: _Clause, kind: str) -> bool:
  """Whether a kind without a subject takes that of a neighbour."""
  names = {setting.name for setting in clause.settings}
  if kind in data.TEXTS:
    return names.isdisjoint(("authors", "query"))
  if kind in ("onchain", "gas"):
    return not clause.chains and names.isdisjoint(("mint", "address", "account"))
  return kind not in data.NEED_NO_SUBJECT


def _share_lists(clauses: list[_Clause]) -> None:
  """Shares venues and chains: of one clause with all, of several with the clause before each."""
  for name in ("venues", "chains"):
    having = [clause for clause in clauses if getattr(clause, name)]
    for index, clause in enumerate(clauses):
      if getattr(clause, name) or not having:
        continue
      later = [other for other in clauses[index + 1 :] if other in having]
      donor = having[0] if len(having) == 1 else (later or [having[-1]])[0]
      given = list(getattr(donor, name))
      if name == "chains" and _has_chains_of_its_own(clause, given):
        continue
      setattr(clause, name, given)
  last, first = clauses[-1], clauses[0]
  for clause in clauses:
    apart = [chunk for chunk in last.markets if chunk.detached and _is_last(last, chunk)]
    apart += [chunk for chunk in first.markets if _is_first(first, chunk)]
    if not clause.markets and len(clauses) > 1:
      clause.markets = apart


def _has_chains_of_its_own(clause: _Clause, given: Sequence[Chunk]) -> bool:
  """Whether all that a clause names are the coins of other chains: bitcoin transactions, beside
  USDT on ethereum."""
  homes = [CHAIN_OF_ASSET.get(symbol.pair.base) for symbol in clause.symbols]
  named = {chunk.value for chunk in given}
  return bool(homes) and all(home is not None and home not in named for home in homes)


def _is_last(clause: _Clause, chunk: Chunk) -> bool:
  """Whether a chunk stands after all data and subjects of its clause."""
  return chunk.first > max(
    (c.first for c in clause.scope.chunks if c.role in (KIND, ASSET, PAIR) and not c.left_out),
    default=-1,
  )


def _is_first(clause: _Clause, chunk: Chunk) -> bool:
  """Whether a chunk stands before all data and subjects of its clause, apart from them."""
  after = [
    c for c in clause.scope.chunks if c.first > chunk.first and c.role in (KIND, ASSET, PAIR)
  ]
  return bool(after) and after[0].detached and _is_leading(clause, chunk)


def _is_leading(clause: _Clause, chunk: Chunk) -> bool:
  return all(c.first > chunk.first for c in clause.scope.chunks if c.role in (KIND, ASSET, PAIR))


def _share_intervals(clauses: list[_Clause]) -> None:
  having = [clause for clause in clauses if clause.intervals]
  shared = [clause for clause in having if not any(_of_each(chunk) for chunk in clause.intervals)]
  if not shared:
    return
  for index, clause in enumerate(clauses):
    if clause.intervals:
      continue
    later = [other for other in clauses[index + 1 :] if other in shared]
    if len({_seconds(other) for other in shared}) == 1:
      clause.intervals = list(shared[0].intervals)
    elif later and _trails(clauses, shared):
      clause.intervals = list(later[0].intervals)


def _of_each(chunk: Chunk) -> bool:
  interval = chunk.value
  return isinstance(interval, Interval) and interval.target is not None


def _seconds(clause: _Clause) -> tuple[float | None, ...]:
  return tuple(chunk.value.seconds for chunk in clause.intervals)


def _trails(clauses: list[_Clause], having: list[_Clause]) -> bool:
  """Whether the first clause has none, so that each interval is of what stands before it."""
  return clauses[0] not in having


def _share_settings(clauses: list[_Clause]) -> None:
  """Gives filters that stand apart to all clauses that they fit, and those that fit nothing of
  their own clause to the nearest that they fit."""
  for index, clause in enumerate(clauses):
    for setting in list(clause.settings):
      own = any(applies(setting, kind) for kind, _ in clause.kinds)
      ends = (
        index == len(clauses) - 1 and setting.chunk.detached and _is_last(clause, setting.chunk)
      )
      begins = (
        index == 0 and _is_leading(clause, setting.chunk) and _is_first(clause, setting.chunk)
      )
      if own and not (len(clauses) > 1 and (ends or begins) and setting.chunk.role != QUERY):
        continue
      for other in _neighbours(clauses, index):
        fits = any(applies(setting, kind) for kind, _ in other.kinds)
        lacks = all(known.name != setting.name for known in other.settings)
        if fits and lacks:
          other.settings.append(setting)
          if not own:
            break


def _selection(
  clause: _Clause, kind: str, chunk: Chunk | None, findings: Findings, request: Request
) -> Selection:
  own = [setting for setting in clause.settings if applies(setting, kind)]
  takes_subject = _takes_subject(clause, kind) or kind not in data.TEXTS or bool(clause.symbols)
  found = Selection(
    kind,
    chunk,
    Settings(own, findings, request),
    symbols=list(clause.symbols) if takes_subject else [],
    venues=list(clause.venues),
    markets=list(clause.markets),
    chains=list(clause.chains),
    intervals=_intervals(clause, kind, chunk),
    blend=list(clause.blend),
    count=list(clause.count),
  )
  words = {request.tokens[at].word for at in range(chunk.first, chunk.end)} if chunk else set()
  across = any(
    venue.preposition == "across" or request.first_word(venue) == "across"
    for venue in clause.venues
  )
  found.blended = bool(clause.blend) or across or not words.isdisjoint(("average", "avg", "mean"))
  return found


def _intervals(clause: _Clause, kind: str, chunk: Chunk | None) -> list[Chunk]:
  """The intervals of a kind: its own (every trade), else those of its clause. Candles have a length
  of their own, so that they take an interval only from their clause."""
  first = None if chunk is None else chunk.first
  own = [c for c in clause.intervals if _of_each(c) and c.value.target == first]
  if own:
    every = {c.value.seconds for c in own}
    # Each trade as it comes in: one thing in two ways.
    return own + [c for c in clause.intervals if c not in own and c.value.seconds in every]
  shared = [c for c in clause.intervals if not _of_each(c)]
  if kind == "ohlc" and any(setting.name == "bar_sec" for setting in clause.settings):
    shared = [c for c in shared if c.clause == clause.scope.chunks[0].clause]
  return shared


def _is_same(one: Selection, other: Selection) -> bool:
  return (
    one.kind == other.kind
    and [symbol.pair for symbol in one.symbols] == [symbol.pair for symbol in other.symbols]
    and one.venue_names == other.venue_names
    and one.market_types == other.market_types
    and one.chain_names == other.chain_names
    and sorted(one.settings.plain(), key=repr) == sorted(other.settings.plain(), key=repr)
    and [c.value for c in one.intervals] == [c.value for c in other.intervals]
  )


def _join(one: Selection, other: Selection) -> None:
  """A level 2 book is one book: the words of both are of one selection."""
  for symbol, more in zip(one.symbols, other.symbols, strict=True):
    if symbol.chunk is not more.chunk:
      symbol.chunk.parts.append(more.chunk)
  if one.chunk is not None and other.chunk is not None and one.chunk is not other.chunk:
    one.chunk.parts.append(other.chunk)
  one.settings.join(other.settings)
