"""Bars (candles): those of a venue, else windows over its trades."""

from bond_english.building.catalogue import SourceCatalogue
from bond_english.building.context import BuildContext
from bond_english.building.how_often import SHORTEST_WINDOW
from bond_english.building.spec_draft import EACH, SAMPLE, WINDOW
from bond_english.meaning.sharing import Selection
from bond_english.quantities.durations import duration_text
from bond_english.quantities.numbers import integral

DAY = 86_400.0
DEFAULT_LENGTH = 60.0
BAR_NAMES = {
  1: "1s",
  60: "1m",
  180: "3m",
  300: "5m",
  900: "15m",
  1800: "30m",
  3600: "1h",
  7200: "2h",
  14400: "4h",
  21600: "6h",
  28800: "8h",
  43200: "12h",
  86400: "1d",
}
"""The intervals of candle sources, by their seconds."""

_COMMON = frozenset(BAR_NAMES.values()) - {"1s", "8h"}
"""What a venue has that does not say which bars it has."""


def has_bars(catalogue: SourceCatalogue, venue: str, length: float) -> bool:
  """Whether a venue has bars of a length in seconds."""
  return BAR_NAMES.get(int(length)) in (catalogue.bars_of(venue) or _COMMON)


def bar_lengths(selection: Selection, requested: float | None) -> list[float]:
  """The lengths of the bars in seconds: as requested, else the interval, else a minute."""
  named = [float(length) for length in selection.settings.use_list("bar_sec")]
  return named or [requested or DEFAULT_LENGTH]


def add_bar_branch(
  context: BuildContext,
  selection: Selection,
  channel: str,
  source: str,
  symbols: tuple[str, ...],
  length: float,
  requested: float | None,
  group: str,
) -> None:
  """Adds the branch of a venue's bars, each or sampled at the interval; of trades, of windows."""
  closed = selection.settings.use("closed")
  if channel == "candle":
    # A window is sent when it is over; a candle of a venue also while it forms.
    where = "closed" if closed else ""
    if not requested or requested == length:
      context.add_branch(selection, source, EACH, every=length, where=where, symbols=symbols)
    else:
      context.add_branch(selection, source, SAMPLE, every=requested, where=where, symbols=symbols)
    return
  text = duration_text(length)
  if requested and requested != length:
    context.spec.add_missing(
      f"bars of {text} every {duration_text(requested)}: no venue has bars of that length; "
      f"it can be had every {text}"
    )
  if length > DAY or length < SHORTEST_WINDOW:
    context.findings.ask(f"Bars of {text} are not offered: from 100 ms to a day; how long?")
  context.add_branch(
    selection, source, WINDOW, every=integral(length), symbols=symbols, group=group
  )
