"""Values as venues write them: decimal texts, with "" for what is not there, and sides."""

from math import isfinite

from bond_core import Side as Side

_SIDES: dict[str, Side] = {
  **dict.fromkeys(("buy", "Buy", "BUY"), "buy"),
  **dict.fromkeys(("sell", "Sell", "SELL"), "sell"),
}


def read_side(text: str) -> Side:
  """The side that a venue writes as buy, Buy or BUY, or as sell likewise; unknown for anything
  else."""
  return _SIDES.get(text, "unknown")


def amount(text: str) -> float:
  """A decimal text as a float. Raises ValueError for what is below 0 or no finite number."""
  value = float(text)
  if not 0 <= value < 1e300:
    raise ValueError(f"{text!r} is no price or size")
  return value


def amount_or_none(text: str | None) -> float | None:
  """The same where the venue may have nothing to say."""
  return amount(text) if text else None


def price_or_none(price: str | float | None) -> float | None:
  """A price that may not be there yet, for which venues have "" or 0, such as before the first
  trade. Raises ValueError as `amount`."""
  return (amount_or_none(price) if isinstance(price, str) else price) or None


def fraction_or_none(text: str | None) -> float | None:
  """A decimal text that may be negative, such as a funding rate. Raises ValueError for what is no
  finite number."""
  if not text:
    return None
  value = float(text)
  if not isfinite(value):
    raise ValueError(f"{text!r} is no finite number")
  return value


def request_number(text: object) -> int | None:
  """The number of a request in its answer, where the venue sends it as a number or as a text; None
  for anything else."""
  if type(text) is int:
    return text
  return int(text) if type(text) is str and text.isdecimal() else None
