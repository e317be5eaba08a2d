"""REST of simulated venues: errors in the venue's form, and numbers in a query."""


class VenueRestError(Exception):
  """An error that the venue answers with: its own code and text, and the HTTP status."""

  def __init__(self, code: int | str, message: str, status: int = 200) -> None:
    super().__init__(message)
    self.code, self.message, self.status = code, message, status


def whole_number(text: str | None, default: int, most: int) -> int:
  """A parameter as a number from 1 to `most`; `default` where it is absent or not a number."""
  if text is None or not text.isdecimal():
    return default
  return max(1, min(int(text), most))
