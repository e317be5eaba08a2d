"""From wishes to a recipe, and what has to be told of it."""

from typing import Any

from bond_english.binding import Wish
from bond_english.chain_sources import add_chains
from bond_english.draft import Draft
from bond_english.durations import spoken
from bond_english.market_sources import add_market
from bond_english.order import SAMPLED, Order
from bond_english.recipe import EACH, Recipe
from bond_english.text_sources import add_foreign, add_texts
from bond_english.words import data

SHORTEST_WINDOW = 0.1
SHORTEST_SAMPLE = 0.01

_FIGURES = {
  "sentiment": "the posts",
  "imbalance": "the books",
}
_NAMES = {
  "side": "buys or sells",
  "position": "longs or shorts",
  "depth": "a depth",
  "window_sec": "a window",
  "bar_sec": "a bar",
  "lang": "a language",
  "query": "words to search for",
  "authors": "authors",
  "event_types": "kinds of on-chain events",
  "chain": "a chain",
  "provider": "a provider",
}


def shortest(wishes: list[Wish]) -> float:
  """The shortest interval that these can have."""
  kinds = {wish.kind for wish in wishes}
  return SHORTEST_SAMPLE if kinds and kinds <= SAMPLED - {"ohlc"} else SHORTEST_WINDOW


def build(draft: Draft, wishes: list[Wish], said: float | None, filters: dict[str, Any]) -> Recipe:
  """The recipe of a request. What has no effect in it is asked about."""
  order = Order(draft, wishes, said, filters)
  for wish in wishes:
    if wish.kind not in data.KINDS:
      add_foreign(order, wish)
    elif wish.kind in data.TEXTS:
      add_texts(order, wish)
    elif wish.kind in ("onchain", "gas"):
      add_chains(order, wish)
    else:
      add_market(order, wish)
  if wishes:
    _intervals(order)
    _tell(order)
  return order.recipe


def _intervals(order: Order) -> None:
  """Notes the interval that is taken, or asks about one that has no effect."""
  ends = {leg.every if leg.role != EACH else 0 for leg in order.recipe.legs}
  if order.said is None:
    order.recipe.default("interval", ends.pop() if len(ends) == 1 else order.interval)
  elif order.said and order.recipe.legs and order.said not in ends and not order.recipe.missing:
    told = f"Every {spoken(order.said)} of what? The rest has a length of time of its own"
    order.draft.ask(f"{told}; leave it out?", leave_out=True)


def _tell(order: Order) -> None:
  draft = order.draft
  kinds = {wish.kind for wish in order.wishes}
  # Told elsewhere, or by the source itself.
  for name in ("universe", "for_sec", "market"):
    order.take(name)
  metric = order.take("metric")
  for name in metric if isinstance(metric, list) else [metric]:
    if name in _FIGURES:
      draft.note(f"nothing installed computes {name}; {_FIGURES[name]} themselves are sent")
  replay = order.take("replay_sec")
  if replay is not None:
    draft.note(
      f"the last {spoken(replay)} come from a server's log: follow the stream with "
      f"from=now-{replay:g}s; a run by itself has no past"
    )
  move = order.take("min_move_pct")
  if move is not None and not order.says("window_sec"):
    draft.ask(f"A move of {move:g}% within what time, for example a minute?")
  for name in order.untaken():
    labels = " and ".join(data.KINDS[kind].label if kind in data.KINDS else kind for kind in kinds)
    told = f"{_NAMES.get(name, name)} of {labels}: this has no effect; leave it out?"
    draft.ask(told, leave_out=True)
