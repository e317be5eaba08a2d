"""Which kinds of data are asked for, also where a request names them in a roundabout way."""

from bond_english.draft import Draft
from bond_english.marks import (
  ALIAS,
  ASSET,
  ASSUMED,
  AUTHOR,
  AVERAGE,
  BOUND,
  EVENT,
  FILLER,
  FILTER,
  JOIN,
  KIND,
  METRIC,
  PAIR,
  PROVIDER,
  QUERY,
  UNKNOWN,
  VAGUE,
  WEAK,
  Mark,
)
from bond_english.words import data


def name_kinds(draft: Draft) -> None:
  """Makes kinds of what stands for one: transfers, market data, sentiment, headlines of a provider,
  worth."""
  for mark in draft.of(EVENT):
    _become(mark, ("onchain",), mark.how)
  for mark in draft.of(PROVIDER, METRIC):
    kind = mark.value
    if kind == "gas":
      # A block tells its fee; by itself a fee is a kind of its own.
      mark.facts = []
      if "onchain" in draft.kinds():
        mark.slot, mark.facts = FILTER, [("note", "a field of the events", mark.how)]
      else:
        _become(mark, ("gas",), ALIAS)
    elif kind in draft.kinds():
      mark.slot, mark.value = FILTER, mark.slot
    elif mark.slot == METRIC and kind == "tweets":
      _become(mark, (kind,), ASSUMED)
      draft.warn(f"{draft.written(mark)!r} is taken for that of {data.KINDS[kind].label}")
    else:
      if kind == "onchain":
        mark.facts.append(("filter", {"event_types": ["metric"]}, mark.how))
      _become(mark, (kind,), ALIAS)
  for mark in draft.of(VAGUE):
    kinds = mark.value
    if draft.kinds().issuperset(kinds) or (
      data.TEXTS.issuperset(kinds) and not data.TEXTS.isdisjoint(draft.kinds())
    ):
      draft.ignore(mark)
      continue
    labels = " and ".join(data.KINDS[kind].label for kind in kinds)
    draft.warn(f"{draft.written(mark)!r} is taken for {labels}")
    _become(mark, kinds, ASSUMED)
  for mark in draft.of(AVERAGE):
    # A window has the average price anyway, and no other.
    if draft.kinds() and draft.kinds() <= {"price", "vwap"}:
      draft.ignore(mark)
    else:
      draft.give_up(mark)
  for number, mark in draft.numbered(WEAK):
    following = draft.after(number)
    compared = following is not None and following.slot == BOUND and following.value.side
    if draft.kinds() or compared:
      draft.ignore(mark)
    else:
      mark.slot, mark.how = KIND, ALIAS


def assume_kinds(draft: Draft) -> None:
  """What a request means that names no kind: trades where sides are asked for, tweets where authors
  are, else the price."""
  if _joined_texts(draft):
    _assume(
      draft, "price", "a symbol joined with posts or chain events; its price is taken to be meant"
    )
    return
  if draft.kinds() or draft.of(UNKNOWN):
    return
  names = {mark.value for mark in draft.of(FILTER) if isinstance(mark.value, str)}
  if "depth" in names:
    draft.assumed.append(("source", "orderbook", ALIAS))
  elif any(token.word == "everything" for token in draft.tokens):
    draft.ask("Which data: price, trades, order book, funding, tweets, …?")
  elif "side" in names:
    _assume(draft, "trades", "buys and sells are taken for trades")
  elif "position" in names:
    _assume(draft, "liquidations", "longs and shorts are taken for their liquidations")
  elif draft.of(AUTHOR) or (draft.of(QUERY) and not draft.of(ASSET, PAIR)):
    _assume(draft, "tweets", "no kind of data is named; taken for tweets")
  elif draft.of(ASSET, PAIR):
    _assume(draft, "price", "no kind of data is named; taken for the price")


def _joined_texts(draft: Draft) -> bool:
  """Whether symbols are added to data of no market: BTC/USDT + tweets is a price and tweets."""
  if not draft.kinds() or not draft.kinds() <= data.TEXTS | {"onchain"}:
    return False
  first = next((n for n, m in enumerate(draft.marks) if m.slot == KIND and not m.left_out), 0)
  joint = draft.before(first, over=(FILLER,))
  if joint is None or joint.slot != JOIN or joint.value not in ("+", "&", "plus", "and", "with"):
    return False
  before = draft.before(draft.marks.index(joint), over=(FILLER,))
  behind = any(mark.slot in (ASSET, PAIR) for mark in draft.marks[first:])
  return before is not None and before.slot in (ASSET, PAIR) and not behind


def _assume(draft: Draft, kind: str, told: str) -> None:
  draft.assumed.append(("source", kind, ASSUMED))
  draft.warn(told)


def _become(mark: Mark, kinds: tuple[str, ...], how: str) -> None:
  mark.slot, mark.value, mark.how = KIND, kinds, how
