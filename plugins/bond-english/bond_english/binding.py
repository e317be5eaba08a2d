"""What belongs to what: in "USDT transfers + BTC price" the transfers are of USDT alone.

Kinds and symbols come in runs. A kind belongs to the symbols before it (BTC price), or behind it
where a preposition binds them (price of BTC) or nothing stands before it (tweets BTC). A kind
without symbols of its own shares those of its neighbour (BTC price + tweets).
"""

from dataclasses import dataclass, field, replace

from bond_english.draft import Draft
from bond_english.marks import (
  ASSET,
  CHAIN,
  FILLER,
  FILTER,
  JOIN,
  KIND,
  MARKET,
  OF,
  PAIR,
  VENUE,
  Mark,
)
from bond_english.pairs import Pair
from bond_english.words import data


@dataclass(slots=True)
class Item:
  """A symbol as a request names it, with the kinds of market that are said of it."""

  pair: Pair
  mark: Mark | None
  markets: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Wish:
  """One kind of data of some symbols; venues, markets and chains are empty where none is said."""

  kind: str
  mark: Mark | None
  items: list[Item] = field(default_factory=list)
  venues: list[str] = field(default_factory=list)
  markets: list[str] = field(default_factory=list)
  chains: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
  """Neighbours of one role. `bound` says that a preposition stands before it, `joined` that it
  begins behind a comma, a plus or an and; `breaks` are the members that do."""

  role: str
  marks: list[Mark]
  bound: bool = False
  joined: bool = False
  breaks: list[int] = field(default_factory=list)


def bind(draft: Draft) -> list[Wish]:
  """Every kind of data with the symbols, venues and markets that belong to it."""
  runs = _runs(draft)
  items = _items(runs)
  # Kinds come first throughout: price BTC, trades ETH.
  leading = bool(runs) and runs[0].role == KIND and runs[-1].role == ASSET
  wishes: list[Wish] = []
  taken: set[int] = set()
  for number, run in enumerate(runs):
    if run.role != KIND:
      continue
    before = runs[number - 1] if number else None
    behind = runs[number + 1] if number + 1 < len(runs) else None
    for index, mark in enumerate(run.marks):
      later = runs[number + 2] if number + 2 < len(runs) else None
      marks = _symbols_of(run, index, None if leading else before, behind, later)
      own = [item for mark_ in marks for item in items[id(mark_)]]
      taken.update(id(mark_) for mark_ in marks)
      wishes += [Wish(kind, mark, list(own)) for kind in mark.value]
  kinds = [value for slot, value, _ in draft.assumed if slot == "source"]
  wishes += [Wish(kind, None) for kind in kinds]
  left = [mark for run in runs if run.role == ASSET for mark in run.marks if id(mark) not in taken]
  _share(wishes, items, left)
  wishes = _distinct(wishes)
  _addresses(draft, wishes)
  _markets(draft, wishes, items)
  return _placed(draft, _placed(draft, wishes, VENUE), CHAIN)


def _runs(draft: Draft) -> list[_Run]:
  runs: list[_Run] = []
  joined = bound = False
  for mark in draft.marks:
    if mark.slot == JOIN or mark.left_out:
      joined = True
    elif mark.slot == OF:
      bound = True
    elif mark.slot in (ASSET, PAIR, KIND):
      role = KIND if mark.slot == KIND else ASSET
      if runs and runs[-1].role == role:
        if joined:
          runs[-1].breaks.append(len(runs[-1].marks))
        runs[-1].marks.append(mark)
      else:
        runs.append(_Run(role, [mark], bound, joined))
      joined = bound = False
    elif mark.slot != FILLER:
      # The preposition bound something else: on binance, of at least 2 BTC.
      bound = False
  return runs


def _symbols_of(
  run: _Run, index: int, before: _Run | None, behind: _Run | None, later: _Run | None
) -> list[Mark]:
  """The symbols that the kind of this number in its run belongs to."""
  if behind is not None and behind.bound and not behind.joined:
    # Of "ETH trades + tweets about BTC" only what follows the last break looks ahead.
    last_break = run.breaks[-1] if run.breaks else 0
    ahead = before is None or index >= last_break
    if ahead:
      return _first_part(behind, later)
  if before is not None:
    return _last_part(before, run)
  if behind is not None:
    return _first_part(behind, later) if behind.bound else list(behind.marks)
  return []


def _first_part(symbols: _Run, later: _Run | None) -> list[Mark]:
  """The symbols bound to the kind before them; in "price of BTC and ETH trades" ETH is not."""
  if later is None or later.joined or not symbols.breaks or later.bound:
    return list(symbols.marks)
  return symbols.marks[: symbols.breaks[-1]]


def _last_part(symbols: _Run, run: _Run) -> list[Mark]:
  """The symbols before a kind; behind "price of BTC and ETH trades" only ETH."""
  if symbols.bound and symbols.breaks and not run.joined:
    return symbols.marks[symbols.breaks[-1] :]
  return list(symbols.marks)


def _items(runs: list[_Run]) -> dict[int, list[Item]]:
  found: dict[int, list[Item]] = {}
  for run in runs:
    if run.role != ASSET:
      continue
    for mark in run.marks:
      found[id(mark)] = [Item(pair, mark) for pair in pairs_of(mark)]
  return found


def pairs_of(mark: Mark) -> list[Pair]:
  """The symbols that a mark names."""
  values = mark.value if isinstance(mark.value, list) else [mark.value]
  return [value if isinstance(value, Pair) else Pair(value, None) for value in values]


def _share(wishes: list[Wish], items: dict[int, list[Item]], left: list[Mark]) -> None:
  """Symbols that no kind has taken go to the kinds beside them; kinds without symbols take those of
  the others."""
  spare = [item for mark in left for item in items[id(mark)]]
  if spare:
    bare = [wish for wish in wishes if not wish.items]
    for wish in bare or _last_wishes(wishes):
      wish.items = [*wish.items, *spare]
  shared = list({id(item): item for wish in wishes for item in wish.items}.values())
  for wish in wishes:
    if not wish.items:
      wish.items = list(shared)


def _distinct(wishes: list[Wish]) -> list[Wish]:
  """Without those that say one thing twice: a level 2 book is one book."""
  found: dict[tuple[str, tuple[int, ...]], Wish] = {}
  for wish in wishes:
    found.setdefault((wish.kind, tuple(id(item) for item in wish.items)), wish)
  return list(found.values())


def _last_wishes(wishes: list[Wish]) -> list[Wish]:
  """The wishes whose symbols are those of the last one."""
  if not wishes:
    return []
  same = [id(item) for item in wishes[-1].items]
  return [wish for wish in wishes if [id(item) for item in wish.items] == same]


def _addresses(draft: Draft, wishes: list[Wish]) -> None:
  """Symbols that only an address or an amount names."""
  extra = [
    Item(Pair(value, None), mark)
    for mark in draft.of(FILTER)
    for slot, value, _ in mark.facts
    if slot == "symbol"
  ]
  for wish in wishes:
    if extra and not wish.items:
      wish.items = list(extra)


def _markets(draft: Draft, wishes: list[Wish], items: dict[int, list[Item]]) -> None:
  """ETH perps + BTC spot: a market beside one symbol is that symbol's, else everybody's."""
  marks = [mark for mark in draft.marks if not mark.left_out]
  said = [mark for mark in marks if mark.slot == MARKET]
  loose: list[str] = []
  several = len({mark.value for mark in said}) > 1
  for mark in said:
    number = marks.index(mark)
    owner = _neighbour(marks, number)
    if owner is None or not (several or _is_apart(owner, wishes)):
      loose.append(mark.value)
      continue
    own = items.get(id(owner), [])
    for item in own:
      item.markets.append(mark.value)
    for wish in wishes:
      if wish.mark is owner:
        wish.markets.append(mark.value)
  for wish in wishes:
    wish.markets += [market for market in loose if market not in wish.markets]
  _spread_markets(wishes)


def _neighbour(marks: list[Mark], number: int) -> Mark | None:
  """The symbol or kind right beside a market, the one before it first."""
  for at in (number - 1, number + 1):
    if 0 <= at < len(marks) and marks[at].slot in (ASSET, PAIR, KIND):
      return marks[at]
  return None


def _is_apart(owner: Mark, wishes: list[Wish]) -> bool:
  """Whether a market's symbol shares no kind with another one: ETH perp funding + BTC price."""
  groups = {tuple(id(item) for item in wish.items) for wish in wishes if wish.items}
  return len(groups) > 1 and owner.slot != KIND


def _spread_markets(wishes: list[Wish]) -> None:
  """In "BTC, ETH perps + SOL spot" perps is said of the list that it ends."""
  for wish in wishes:
    last: list[str] = []
    for item in reversed(wish.items):
      if item.markets:
        last = item.markets
      elif last:
        item.markets = list(last)


def _placed(draft: Draft, wishes: list[Wish], slot: str) -> list[Wish]:
  """One list of venues (or chains) is everybody's; of several each belongs to what stands beside
  it. A kind whose symbols stand beside different lists is parted."""
  lists, owners = _lists(draft, slot)
  parted: list[Wish] = []
  for wish in wishes:
    concerned = wish.kind not in data.TEXTS if slot == VENUE else wish.kind in ("onchain", "gas")
    if len(lists) <= 1 or not concerned:
      _put(wish, slot, lists[0] if len(lists) == 1 else [])
      parted.append(wish)
      continue
    groups: dict[int, list[Item]] = {}
    for item in wish.items:
      groups.setdefault(owners.get(id(item.mark), len(lists) - 1), []).append(item)
    if len(groups) <= 1:
      own = owners.get(id(wish.mark), next(iter(groups), len(lists) - 1))
      groups = {own: wish.items}
    for number, items in groups.items():
      part = replace(wish, items=items, venues=list(wish.venues), markets=list(wish.markets))
      _put(part, slot, lists[number])
      parted.append(part)
  return parted


def _put(wish: Wish, slot: str, names: list[str]) -> None:
  if slot == VENUE:
    wish.venues = list(names)
  else:
    wish.chains = list(names)


def _lists(draft: Draft, slot: str) -> tuple[list[list[str]], dict[int, int]]:
  """The lists of venues or chains, and to which of them each symbol and kind belongs: to the next
  one, or where the request begins with one to the last one before it."""
  lists: list[list[str]] = []
  content: list[list[Mark]] = [[]]
  for mark in draft.marks:
    if mark.left_out:
      continue
    if mark.slot == slot:
      if not lists or content[-1]:
        lists.append([])
        content.append([])
      if mark.value not in lists[-1]:
        lists[-1].append(mark.value)
    elif mark.slot in (KIND, ASSET, PAIR):
      content[-1].append(mark)
  leading = not content[0]
  owners: dict[int, int] = {}
  for number, marks in enumerate(content):
    own = number - 1 if leading else min(number, len(lists) - 1)
    owners |= {id(mark): own for mark in marks}
  return lists, owners
