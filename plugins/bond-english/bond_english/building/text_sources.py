"""Sources of posts, news and the like, and sources that a request names by a plugin's word."""

from typing import Any

from bond_english.building.context import BuildContext
from bond_english.building.how_often import requested_interval
from bond_english.building.market_sources import add_plain_branch
from bond_english.building.spec_draft import EACH, WINDOW
from bond_english.meaning.sharing import Selection
from bond_english.words import data

DEFAULT_COUNT = 60.0


def add_text_source(context: BuildContext, selection: Selection) -> None:
  """Adds the source of posts about assets or topics, or from authors.

  A source of posts takes `symbols` (assets) and `query`, which narrows them. For X the query has
  the operators of its search (docs.x.com, "Build a rule"); the others take `authors` and `lang`.
  """
  filters, kind = selection.settings, selection.kind
  label = data.KINDS[kind].label
  match = context.catalogue.of_texts(kind)
  if match is None:
    context.add_unavailable(
      selection, f"{label}: no package is known that offers this; leave it out"
    )
    for chunk in selection.intervals:
      chunk.told = True
    return
  if match.package is not None:
    context.spec.require_package(match.package, label)
  settings: dict[str, Any] = {}
  symbols = list(dict.fromkeys(symbol.pair.base for symbol in selection.symbols))
  if symbols:
    settings["symbols"] = symbols
  query = [f'"{words}"' if " " in words else words for words in filters.use_list("query")]
  authors, lang = filters.use_list("authors"), filters.use("lang")
  if match.use.startswith("x."):
    if authors:
      names = " OR ".join(f"from:{name}" for name in authors)
      query.append(f"({names})" if len(authors) > 1 else names)
    if lang is not None:
      query.append(f"lang:{lang}")
    query += [f"-{operator}" for operator in filters.use_list("without")]
  else:
    settings |= {"authors": authors} if authors else {}
    settings |= {"lang": lang} if lang is not None else {}
  if query:
    settings["query"] = " ".join(query)
  if kind == "news" and filters.has("provider"):
    settings["provider"] = filters.use("provider")
  _note_metrics(context, selection)
  key = context.spec.add_source(kind.replace("_", "-"), match.use, settings)
  requested = requested_interval(context.request, context.findings, selection)
  every = requested or (DEFAULT_COUNT if selection.count else 0.0)
  if every:
    context.add_branch(selection, key, WINDOW, every=every, symbols=symbols)
  if not selection.count:
    # A count is no post: each comes as it is written, whatever the interval.
    context.add_branch(selection, key, EACH, symbols=symbols)


def _note_metrics(context: BuildContext, selection: Selection) -> None:
  if "sentiment" in selection.settings.use_list("metric"):
    context.findings.note("nothing installed computes sentiment; the posts themselves are sent")


def add_plugin_source(context: BuildContext, selection: Selection) -> None:
  """Adds a source that the request names by a word of its plugin, with the symbols, if any."""
  symbols = [symbol.pair.symbol for symbol in selection.symbols]
  settings = {"symbols": list(symbols)} if symbols else {}
  key = selection.kind.replace(".", "-").replace("_", "-")
  key = context.spec.add_source(key, selection.kind, settings)
  add_plain_branch(context, selection, key, symbols)
