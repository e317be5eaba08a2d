"""What belongs to what: in "USDT transfers + BTC price" the transfers are of USDT alone.

Kinds and symbols come in runs. A kind belongs to the symbols before it (BTC price), or after it
where a preposition stands between (price of BTC) or nothing stands before it (tweets BTC). A kind
without symbols of its own shares those of its neighbour (BTC price + tweets).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from bond_english.meaning.request import Request
from bond_english.reading.pairs import Pair, pairs_of
from bond_english.text.chunks import (
  ASSET,
  CHAIN,
  CONJUNCTION,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  PAIR,
  PREPOSITION,
  VENUE,
  Chunk,
  Fact,
)
from bond_english.words import data


@dataclass(slots=True)
class Symbol:
  """A symbol as a request names it, with the market types that belong to it alone."""

  pair: Pair
  chunk: Chunk | None
  market_types: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Selection:
  """One kind of data, or a source, of some symbols; venues, market types and chains are empty where
  the request names none. `chunk` is the one that names the kind, None for an assumed kind."""

  kind: str
  chunk: Chunk | None
  symbols: list[Symbol] = field(default_factory=list)
  venues: list[str] = field(default_factory=list)
  market_types: list[str] = field(default_factory=list)
  chains: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
  """Neighbouring chunks that are all kinds, or all symbols.

  `after_preposition` says that a preposition stands before it, `joined` that a conjunction does.
  `breaks` are the indexes of its members that have a conjunction before them.
  """

  of_kinds: bool
  chunks: list[Chunk]
  after_preposition: bool = False
  joined: bool = False
  breaks: list[int] = field(default_factory=list)


def bind(request: Request, assumptions: Iterable[Fact]) -> list[Selection]:
  """Every kind of data, named or assumed, with its symbols, venues, market types and chains."""
  runs = _runs(request)
  symbols = _symbols(runs)
  # Kinds come first throughout: price BTC, trades ETH.
  kinds_lead = bool(runs) and runs[0].of_kinds and not runs[-1].of_kinds
  selections: list[Selection] = []
  bound: set[int] = set()
  for number, run in enumerate(runs):
    if not run.of_kinds:
      continue
    before = runs[number - 1] if number and not kinds_lead else None
    after = runs[number + 1] if number + 1 < len(runs) else None
    later = runs[number + 2] if number + 2 < len(runs) else None
    for index, chunk in enumerate(run.chunks):
      own = _symbols_of(run, index, before, after, later)
      bound.update(id(other) for other in own)
      selections += [
        Selection(kind, chunk, [symbol for other in own for symbol in symbols[id(other)]])
        for kind in chunk.value
      ]
  selections += [Selection(kind, None) for slot, kind, _ in assumptions if slot == "source"]
  unbound = [
    chunk for run in runs if not run.of_kinds for chunk in run.chunks if id(chunk) not in bound
  ]
  _share(selections, [symbol for chunk in unbound for symbol in symbols[id(chunk)]])
  selections = _distinct(selections)
  _bind_addresses(request, selections)
  _bind_market_types(request, selections, symbols)
  return _split_by(request, _split_by(request, selections, VENUE), CHAIN)


def _runs(request: Request) -> list[_Run]:
  runs: list[_Run] = []
  joined = after_preposition = False
  for chunk in request.chunks:
    if chunk.role == CONJUNCTION or chunk.left_out:
      joined = True
    elif chunk.role == PREPOSITION:
      after_preposition = True
    elif chunk.role in (ASSET, PAIR, KIND):
      of_kinds = chunk.role == KIND
      if runs and runs[-1].of_kinds == of_kinds:
        if joined:
          runs[-1].breaks.append(len(runs[-1].chunks))
        runs[-1].chunks.append(chunk)
      else:
        runs.append(_Run(of_kinds, [chunk], after_preposition, joined))
      joined = after_preposition = False
    elif chunk.role != FILLER:
      # The preposition belongs to something else: on binance, of at least 2 BTC.
      after_preposition = False
  return runs


def _symbols(runs: list[_Run]) -> dict[int, list[Symbol]]:
  """The symbols of each chunk, by its id."""
  return {
    id(chunk): [Symbol(pair, chunk) for pair in pairs_of(chunk)]
    for run in runs
    if not run.of_kinds
    for chunk in run.chunks
  }


def _symbols_of(
  run: _Run, index: int, before: _Run | None, after: _Run | None, later: _Run | None
) -> list[Chunk]:
  """The chunks of the symbols that the kind at this index of its run belongs to."""
  if after is not None and after.after_preposition and not after.joined:
    # In "ETH trades + tweets about BTC" only the kinds from the last break on belong to BTC.
    last_break = run.breaks[-1] if run.breaks else 0
    if before is None or index >= last_break:
      return _up_to_last_break(after, later)
  if before is not None:
    return _from_last_break(before, run)
  if after is not None:
    return _up_to_last_break(after, later) if after.after_preposition else list(after.chunks)
  return []


def _up_to_last_break(symbols: _Run, later: _Run | None) -> list[Chunk]:
  """The symbols of the kind before them: in "price of BTC and ETH trades" without ETH."""
  if later is None or later.joined or not symbols.breaks or later.after_preposition:
    return list(symbols.chunks)
  return symbols.chunks[: symbols.breaks[-1]]


def _from_last_break(symbols: _Run, kinds: _Run) -> list[Chunk]:
  """The symbols of the kind after them: in "price of BTC and ETH trades" only ETH."""
  if symbols.after_preposition and symbols.breaks and not kinds.joined:
    return symbols.chunks[symbols.breaks[-1] :]
  return list(symbols.chunks)


def _share(selections: list[Selection], unbound: list[Symbol]) -> None:
  """Gives symbols without a kind to the kinds without symbols, else to those that share the symbols
  of the last kind; kinds that are still without symbols get those of all others."""
  if unbound:
    bare = [selection for selection in selections if not selection.symbols]
    for selection in bare or _with_last_symbols(selections):
      selection.symbols = [*selection.symbols, *unbound]
  everything = {id(symbol): symbol for selection in selections for symbol in selection.symbols}
  for selection in selections:
    if not selection.symbols:
      selection.symbols = list(everything.values())


def _with_last_symbols(selections: list[Selection]) -> list[Selection]:
  """The selections with the same symbols as the last one."""
  if not selections:
    return []
  last = _ids(selections[-1].symbols)
  return [selection for selection in selections if _ids(selection.symbols) == last]


def _distinct(selections: list[Selection]) -> list[Selection]:
  """Selections without repetitions: a level 2 book is one book."""
  found: dict[tuple[str, tuple[int, ...]], Selection] = {}
  for selection in selections:
    found.setdefault((selection.kind, _ids(selection.symbols)), selection)
  return list(found.values())


def _ids(symbols: list[Symbol]) -> tuple[int, ...]:
  return tuple(id(symbol) for symbol in symbols)


def _bind_addresses(request: Request, selections: list[Selection]) -> None:
  """Gives symbols that only an address or an amount names to the kinds without symbols."""
  named = [
    Symbol(Pair(value, None), chunk)
    for chunk in request.having(FILTER)
    for slot, value, _ in chunk.facts
    if slot == "symbol"
  ]
  for selection in selections:
    if named and not selection.symbols:
      selection.symbols = list(named)


def _bind_market_types(
  request: Request, selections: list[Selection], symbols: dict[int, list[Symbol]]
) -> None:
  """ETH perps + BTC spot: a market type beside one symbol belongs to it, any other to all."""
  chunks = [chunk for chunk in request.chunks if not chunk.left_out]
  named = [chunk for chunk in chunks if chunk.role == MARKET_TYPE]
  several = len({chunk.value for chunk in named}) > 1
  of_all: list[str] = []
  for chunk in named:
    owner = _neighbour(chunks, chunks.index(chunk))
    if owner is None or not (several or _has_own_kinds(owner, selections)):
      of_all.append(chunk.value)
      continue
    for symbol in symbols.get(id(owner), []):
      symbol.market_types.append(chunk.value)
    for selection in selections:
      if selection.chunk is owner:
        selection.market_types.append(chunk.value)
  for selection in selections:
    selection.market_types += [name for name in of_all if name not in selection.market_types]
    _spread_market_types(selection.symbols)


def _neighbour(chunks: list[Chunk], index: int) -> Chunk | None:
  """The symbol or kind right before this index, else right after it."""
  for at in (index - 1, index + 1):
    if 0 <= at < len(chunks) and chunks[at].role in (ASSET, PAIR, KIND):
      return chunks[at]
  return None


def _has_own_kinds(owner: Chunk, selections: list[Selection]) -> bool:
  """Whether a symbol may have kinds of its own, as in ETH perp funding + BTC price."""
  groups = {_ids(selection.symbols) for selection in selections if selection.symbols}
  return len(groups) > 1 and owner.role != KIND


def _spread_market_types(symbols: list[Symbol]) -> None:
  """In "BTC, ETH perps + SOL spot" perps belong to the whole list that they end."""
  last: list[str] = []
  for symbol in reversed(symbols):
    if symbol.market_types:
      last = symbol.market_types
    elif last:
      symbol.market_types = list(last)


def _split_by(
  request: Request, selections: list[Selection], role: Literal["venue", "chain"]
) -> list[Selection]:
  """Gives each selection its venues (or chains).

  One list of them belongs to all selections; of several each belongs to what stands beside it. A
  selection whose symbols stand beside different lists is split.
  """
  lists, owners = _lists(request, role)
  result: list[Selection] = []
  for selection in selections:
    if role == VENUE:
      concerned = selection.kind not in data.TEXTS
    else:
      concerned = selection.kind in ("onchain", "gas")
    if len(lists) <= 1 or not concerned:
      result.append(_located(selection, role, lists[0] if len(lists) == 1 else []))
      continue
    last = len(lists) - 1
    groups: dict[int, list[Symbol]] = {}
    for symbol in selection.symbols:
      groups.setdefault(owners.get(id(symbol.chunk), last), []).append(symbol)
    if len(groups) <= 1:
      own = owners.get(id(selection.chunk), next(iter(groups), last))
      groups = {own: selection.symbols}
    for number, symbols in groups.items():
      part = replace(
        selection,
        symbols=symbols,
        venues=list(selection.venues),
        market_types=list(selection.market_types),
      )
      result.append(_located(part, role, lists[number]))
  return result


def _located(selection: Selection, role: Literal["venue", "chain"], names: list[str]) -> Selection:
  if role == VENUE:
    selection.venues = list(names)
  else:
    selection.chains = list(names)
  return selection


def _lists(
  request: Request, role: Literal["venue", "chain"]
) -> tuple[list[list[str]], dict[int, int]]:
  """The lists of venues or chains, and the list that each symbol and kind (by its id) belongs to:
  the next one, or where the request begins with a list the last one before it."""
  lists: list[list[str]] = []
  content: list[list[Chunk]] = [[]]
  for chunk in request.chunks:
    if chunk.left_out:
      continue
    if chunk.role == role:
      if not lists or content[-1]:
        lists.append([])
        content.append([])
      if chunk.value not in lists[-1]:
        lists[-1].append(chunk.value)
    elif chunk.role in (KIND, ASSET, PAIR):
      content[-1].append(chunk)
  leading = not content[0]
  owners: dict[int, int] = {}
  for number, chunks in enumerate(content):
    own = number - 1 if leading else min(number, len(lists) - 1)
    owners |= {id(chunk): own for chunk in chunks}
  return lists, owners
