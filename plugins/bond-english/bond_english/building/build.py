"""From the selections of a request to its spec, and what has to be said about it."""

from bond_english.building.catalogue import SourceCatalogue
from bond_english.building.chain_sources import add_chain_sources
from bond_english.building.context import BuildContext
from bond_english.building.market_sources import add_market_sources
from bond_english.building.said import conditions_said
from bond_english.building.spec_draft import EACH, SpecDraft
from bond_english.building.text_sources import add_plugin_source, add_text_source
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import Selection
from bond_english.quantities.durations import duration_text
from bond_english.text.chunks import INTERVAL, VENUE
from bond_english.words import data


def build(request: Request, findings: Findings, selections: list[Selection]) -> SpecDraft:
  """The spec of a request. Each chunk that has an effect is noted with the nodes that it shaped."""
  context = BuildContext(
    request=request,
    findings=findings,
    selections=selections,
    catalogue=SourceCatalogue(request.source_words),
    spec=SpecDraft(),
    excluded_venues=[c.value for c in request.chunks if c.role == VENUE and c.left_out],
  )
  for selection in selections:
    if selection.settings.opposites and selection.kind in data.WINDOWED:
      context.spec.add_missing(
        "buys and sells apart from each other: one stream has one of them, or both"
      )
    _add(context, selection)
  return context.spec


def _add(context: BuildContext, selection: Selection) -> None:
  spec = context.spec
  branches, unavailable = len(spec.branches), spec.unavailable
  _use_what_is_said(context, selection)
  _add_sources(context, selection)
  nodes = spec.take_touched()
  made = spec.branches[branches:]
  if spec.unavailable > unavailable and not nodes:
    # What nothing installed offers is reported as missing, with all that is said about it.
    nodes = ["missing"]
    selection.settings.use_all()
  elif spec.unavailable > unavailable:
    selection.settings.use_all()
    for chunk in selection.intervals:
      chunk.told = True
  used = selection.settings.used()
  said = ", ".join(conditions_said((setting.name, setting.value) for setting in used))
  for branch in made:
    branch.said = branch.said or said
  for chunk in (*selection.chunks(), *(setting.chunk for setting in used), *selection.blend):
    chunk.shape(*nodes)
  if nodes == ["missing"]:
    for chunk in (*selection.venues, *selection.chains, *selection.intervals):
      chunk.shape("missing")
  for chunk in selection.intervals:
    if chunk.role != INTERVAL:
      continue
    seconds = chunk.value.seconds
    timed = [b for b in made if b.every == seconds or (b.output == EACH and not seconds)]
    if timed or (not made and nodes):
      chunk.shape(*nodes)
  every = {branch.every if branch.output != EACH else 0.0 for branch in made}
  if not selection.intervals and len(every) == 1:
    spec.add_default("interval", every.pop())


def _add_sources(context: BuildContext, selection: Selection) -> None:
  if selection.kind not in data.KINDS:
    add_plugin_source(context, selection)
  elif selection.kind in data.TEXTS:
    add_text_source(context, selection)
  elif selection.kind in ("onchain", "gas"):
    add_chain_sources(context, selection)
  else:
    add_market_sources(context, selection)


def _use_what_is_said(context: BuildContext, selection: Selection) -> None:
  """Filters that are reported elsewhere, or whose effect is not in the spec."""
  settings, findings = selection.settings, context.findings
  for name in ("universe", "for_sec"):
    settings.use(name)
  if "imbalance" in settings.use_list("metric"):
    findings.note("nothing installed computes imbalance; the books themselves are sent")
  replay = settings.use("replay_sec")
  if replay is not None:
    findings.note(
      f"the last {duration_text(replay)} come from a server's log: follow the stream with "
      f"from=now-{replay:g}s; a run by itself has no past"
    )
