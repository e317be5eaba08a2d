"""Sources of posts, news and the like, and those that only a plugin's words name."""

from typing import Any

from bond_english.binding import Wish
from bond_english.order import Order
from bond_english.words import data


def add_texts(order: Order, wish: Wish) -> None:
  """Posts about assets or topics, or from authors.

  A source of posts takes `symbols` (assets) and `query`, which narrows them. Of X the query has the
  operators of its search (docs.x.com, "Build a rule"); the others have authors and lang by name.
  """
  label = data.KINDS[wish.kind].label
  offer = order.offers.of_texts(wish.kind)
  if offer is None:
    order.cannot(f"{label}: no package is known that offers this; leave it out")
    return
  if offer.package is not None:
    order.recipe.needs(offer.package, label)
  settings: dict[str, Any] = {}
  symbols = list(dict.fromkeys(item.pair.base for item in wish.items))
  if symbols:
    settings["symbols"] = symbols
  query = [f'"{words}"' if " " in words else words for words in order.take_list("query")]
  authors, lang = order.take_list("authors"), order.take("lang")
  if offer.use.startswith("x."):
    if authors:
      names = " OR ".join(f"from:{name}" for name in authors)
      query.append(f"({names})" if len(authors) > 1 else names)
    if lang is not None:
      query.append(f"lang:{lang}")
  else:
    settings |= {"authors": authors} if authors else {}
    settings |= {"lang": lang} if lang is not None else {}
  if query:
    settings["query"] = " ".join(query)
  if wish.kind == "news" and order.says("provider"):
    settings["provider"] = order.take("provider")
  order.leg(wish, order.recipe.source(wish.kind.replace("_", "-"), offer.use, settings), symbols)


def add_foreign(order: Order, wish: Wish) -> None:
  """A source that a plugin taught the word for: with the symbols, where there are any."""
  symbols = [item.pair.symbol for item in wish.items]
  settings = {"symbols": list(symbols)} if symbols else {}
  key = order.recipe.source(wish.kind.replace(".", "-").replace("_", "-"), wish.kind, settings)
  order.leg(wish, key, symbols)
