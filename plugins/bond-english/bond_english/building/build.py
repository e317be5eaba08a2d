"""From the selections of a request to its spec, and what has to be said about it."""

from bond_english.building.catalogue import SourceCatalogue
from bond_english.building.chain_sources import add_chain_sources
from bond_english.building.context import BuildContext, default_interval
from bond_english.building.filters import Filters
from bond_english.building.market_sources import add_market_sources
from bond_english.building.spec_draft import EACH, SpecDraft
from bond_english.building.text_sources import add_plugin_source, add_text_source
from bond_english.meaning.binding import Selection
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import VENUE
from bond_english.words import data

_COMPUTED_FROM = {"sentiment": "the posts", "imbalance": "the books"}
"""Metrics that nothing installed computes, and what is sent in their place."""

_FILTER_LABELS = {
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


def build(
  request: Request, findings: Findings, selections: list[Selection], interval: float | None
) -> SpecDraft:
  """The spec of a request whose interval is `interval` seconds, 0 for every update, None for the
  default. What has no effect in it is asked about."""
  filters = Filters(request, findings, selections)
  kinds = [selection.kind for selection in selections]
  context = BuildContext(
    request=request,
    findings=findings,
    selections=selections,
    filters=filters,
    catalogue=SourceCatalogue(request.source_words),
    spec=SpecDraft(),
    requested_interval=interval,
    interval=default_interval(kinds) if interval is None else interval,
    excluded_venues=[c.value for c in request.chunks if c.role == VENUE and c.left_out],
  )
  if filters.opposites and not data.WINDOWED.isdisjoint(kinds):
    context.spec.add_missing(
      "buys and sells apart from each other: one stream has one of them, or both"
    )
  for selection in selections:
    _add_sources(context, selection)
  if selections:
    _check_interval(context)
    _check_filters(context)
  return context.spec


def _add_sources(context: BuildContext, selection: Selection) -> None:
  if selection.kind not in data.KINDS:
    add_plugin_source(context, selection)
  elif selection.kind in data.TEXTS:
    add_text_source(context, selection)
  elif selection.kind in ("onchain", "gas"):
    add_chain_sources(context, selection)
  else:
    add_market_sources(context, selection)


def _check_interval(context: BuildContext) -> None:
  """Notes the default interval, or asks about a requested one without effect."""
  spec, requested = context.spec, context.requested_interval
  intervals = {branch.every if branch.output != EACH else 0 for branch in spec.branches}
  if requested is None:
    default = intervals.pop() if len(intervals) == 1 else context.interval
    spec.add_default("interval", default)
  elif requested and spec.branches and requested not in intervals and not spec.missing:
    question = f"Every {duration_text(requested)} of what? All data here has its own length of time"
    context.findings.ask(f"{question}; leave it out?", confirmable=True)


def _check_filters(context: BuildContext) -> None:
  """Says what filters do that no source has, and asks about those without effect."""
  filters, findings = context.filters, context.findings
  # These are reported elsewhere, or decide the symbols.
  for name in ("universe", "for_sec", "market"):
    filters.use(name)
  for metric in filters.use_list("metric"):
    if metric in _COMPUTED_FROM:
      findings.note(
        f"nothing installed computes {metric}; {_COMPUTED_FROM[metric]} themselves are sent"
      )
  replay = filters.use("replay_sec")
  if replay is not None:
    findings.note(
      f"the last {duration_text(replay)} come from a server's log: follow the stream with "
      f"from=now-{replay:g}s; a run by itself has no past"
    )
  move = filters.use("min_move_pct")
  if move is not None and not filters.has("window_sec"):
    findings.ask(f"A move of {move:g}% within what time, for example a minute?")
  kinds = dict.fromkeys(selection.kind for selection in context.selections)
  labels = " and ".join(data.KINDS[kind].label if kind in data.KINDS else kind for kind in kinds)
  for name in filters.unused(kinds):
    label = _FILTER_LABELS.get(name, name)
    findings.ask(f"{label} of {labels}: this has no effect; leave it out?", confirmable=True)
