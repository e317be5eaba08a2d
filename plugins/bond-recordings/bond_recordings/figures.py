"""Figures as a terminal shows them."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(count: float) -> str:
  """1.2 MB."""
  unit = 0
  while count >= 1000 and unit < len(_UNITS) - 1:
    count /= 1000
    unit += 1
  return f"{count:,.0f} {_UNITS[unit]}" if unit == 0 else f"{count:,.1f} {_UNITS[unit]}"
