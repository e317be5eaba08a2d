"""Rows of figures in a terminal of any width: nothing is left out, and what is cut ends with an
ellipsis.

rich draws, and knows how wide a character is. What gives way where there is no room is decided
here: its own tables lose the columns at the right where the others take the whole width.
"""

import math
from collections.abc import Iterable, Sequence

import attrs
from rich.text import Text

from bond_commandkit.plain_text import one_line

LEAST_LAST = 24
"""Cells that the last column has beside all others; with less, rows have two lines."""
INDENT = 2
"""Of the second line."""
_BARS = "▁▂▃▄▅▆▇█"


@attrs.frozen
class Column:
  """A column, and how narrow it may become. One of figures has them at the right and is never
  narrower than `least`, so that the others stay where they are while a figure grows. What is
  `below` is on the second line of a row that has two."""

  title: str
  least: int
  figures: bool = False
  below: bool = False


def cell(text: str, style: str = "") -> Text:
  """What came from outside as a cell: one line, without anything that a terminal would obey."""
  return Text(one_line(text), style)


def in_columns(
  columns: Sequence[Column], rows: Iterable[Sequence[Text]], width: int
) -> list[list[Text]]:
  """The lines of the titles and then those of each row, of at most `width` cells: one where there
  is room for all columns side by side or none is `below`, else two. The last column takes what is
  left."""
  table = [[Text(column.title, "bold") for column in columns], *rows]
  widths = _natural(columns, table)
  if sum(widths[:-1]) + len(widths) - 1 + LEAST_LAST <= width:
    return [[line] for line in _beside(columns, widths, table, width)]
  first = sum(not column.below for column in columns)
  if first == len(columns):
    return [[line] for line in _beside(columns, widths, table, width)]
  above = _beside(columns[:first], widths[:first], [row[:first] for row in table], width)
  below = _beside(columns[first:], widths[first:], [row[first:] for row in table], width - INDENT)
  return [
    [line, Text(" " * INDENT).append_text(more)] for line, more in zip(above, below, strict=True)
  ]


def _natural(columns: Sequence[Column], table: Iterable[Sequence[Text]]) -> list[int]:
  widths = [column.least if column.figures else 0 for column in columns]
  for row in table:
    widths = [max(wide, text.cell_len) for wide, text in zip(widths, row, strict=True)]
  return widths


def _beside(
  columns: Sequence[Column], widths: Sequence[int], table: Iterable[Sequence[Text]], width: int
) -> list[Text]:
  """Each row in a line."""
  space, widths = _narrowed(columns, list(widths), width)
  lines = []
  for row in table:
    line = Text(" " * space).join(map(_fitted, row, widths, columns))
    line.rstrip()
    line.truncate(width, overflow="ellipsis")
    lines.append(line)
  return lines


def _narrowed(columns: Sequence[Column], widths: list[int], width: int) -> tuple[int, list[int]]:
  """The space between columns, and widths at which they fit, as far as their least ones allow."""
  between = len(widths) - 1
  fixed = sum(widths[:-1]) + between
  if fixed + between + min(widths[-1], LEAST_LAST) <= width:
    return 2, [*widths[:-1], max(min(widths[-1], width - fixed - between), 1)]
  widths[-1] = max(min(widths[-1], width - fixed), min(widths[-1], columns[-1].least))
  while sum(widths) + between > width:
    # The widest gives way first: a long name is still one when it is shorter.
    room = [wide - min(wide, column.least) for wide, column in zip(widths, columns, strict=True)]
    if not any(room):
      break
    widths[max((i for i, more in enumerate(room) if more), key=widths.__getitem__)] -= 1
  return 1, widths


def _fitted(text: Text, width: int, column: Column) -> Text:
  shown = text.copy()
  shown.truncate(width, overflow="ellipsis")
  missing = width - shown.cell_len
  if column.figures:
    shown.pad_left(missing)
  else:
    shown.pad_right(missing)
  return shown


def sparkline(values: Sequence[float], width: int) -> str:
  """A bar for each of the last values, between the least and the greatest of them."""
  known = [value for value in values[-width:] if math.isfinite(value)]
  if not known:
    return ""
  low, high = min(known), max(known)
  step = (high - low) / (len(_BARS) - 1)
  return "".join(_BARS[round((value - low) / step) if step else 0] for value in known)


def short_count(number: float) -> str:
  """A count in at most five characters: 9,999, then 12.3k and 1.23M."""
  if number < 9_999.5:
    return f"{number:,.0f}"
  units = "kMGT"
  thousands = min(int(math.log10(number)) // 3, len(units))
  value = number / 1_000**thousands
  return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}{units[thousands - 1]}"


def short_rate(per_second: float) -> str:
  """Events a second in at most seven characters."""
  return f"{per_second:.1f}/s" if 0 < per_second < 9.95 else f"{short_count(per_second)}/s"


def short_time(seconds: float) -> str:
  """How long something is: 0.4s, 12s, 5m, 3h, 2d."""
  if seconds < 9.95:
    return f"{max(seconds, 0):.1f}s"
  for unit, size, most in (("s", 1, 120), ("m", 60, 7_200), ("h", 3_600, 172_800)):
    if seconds < most:
      return f"{seconds / size:.0f}{unit}"
  return f"{seconds / 86_400:.0f}d"
