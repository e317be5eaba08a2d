"""Errors by what has to happen next: a plugin raises one, and the core retries or gives up."""

import dis
import unicodedata
from collections.abc import Iterator


class BondError(Exception):
  """Base of all errors that Bond raises on purpose; its text is a sentence for the user."""

  def __str__(self) -> str:
    # A log line with an empty cause helps no reader.
    return super().__str__() or type(self).__name__


class Disconnected(BondError):
  """The connection to a venue ended; the core backs off, reconnects and declares the gap."""


class Unavailable(Disconnected):
  """The other side refuses for now, and says so: the core backs off, for at least `seconds` where
  it says how long, and readers see the state `unavailable` meanwhile."""

  def __init__(self, why: str, seconds: float | None = None) -> None:
    super().__init__(why)
    self.seconds = seconds


class RetryAfter(BondError):
  """A venue's rate limit was hit: the core waits `seconds` before it tries again."""

  def __init__(self, seconds: float, why: str = "") -> None:
    super().__init__(why or f"the venue's rate limit says to wait {seconds:g} s")
    self.seconds = seconds


class Refused(BondError):
  """A venue will never accept this as it stands, by its own documents: trying again does not help,
  a person has to act. What may pass is Unavailable."""


class AuthError(Refused):
  """Credentials are missing or were not accepted. A WebSocket is closed with `code`."""

  code = 4500


class Expired(AuthError):
  """Credentials have expired: new ones help."""

  code = 4005


class SecretMissing(AuthError):
  """A secret of this machine cannot be read. Who else calls learns nothing of it."""


class AuthUnavailable(AuthError):
  """Credentials cannot be checked just now: the same ones may work later."""

  code = 1011


class PluginError(BondError):
  """A plugin is missing, broken, installed twice, or breaks its contract."""


class SpecError(BondError):
  """A spec cannot be run. `problems` are all of them, in the order of the file."""

  def __init__(self, problems: "list[Problem]") -> None:
    super().__init__("\n".join(str(problem) for problem in problems))
    self.problems = problems


class Problem:
  """One thing that is wrong with a spec, and where: `line` and `column` count from 1, `width` is
  what the caret underlines. `excerpt` is the whole line; a long one is cut around the column."""

  __slots__ = ("column", "excerpt", "file", "line", "message", "path", "width")

  SHOWN = 100
  """Characters of a line that are shown."""

  def __init__(
    self,
    message: str,
    *,
    path: str = "",
    file: str = "spec",
    line: int = 1,
    column: int = 1,
    width: int = 1,
    excerpt: str | None = None,
  ) -> None:
    self.message = message
    self.path = path
    self.file = file
    self.line = line
    self.column = column
    self.width = width
    self.excerpt = excerpt

  def __str__(self) -> str:
    where = f"{self.file}:{self.line}:{self.column}: "
    named = f"{self.path}: " if self.path else ""
    text = f"{where}{named}{self.message}"
    if self.excerpt is None:
      return text
    at = self.column - 1
    start = max(0, at - self.SHOWN // 2) if len(self.excerpt) > self.SHOWN else 0
    shown = self.excerpt[start : start + self.SHOWN]
    # What no terminal shows as it stands (controls, changes of direction) would move the caret.
    shown = "".join(char if char.isprintable() else " " for char in shown)
    before, under = shown[: at - start], shown[at - start : at - start + self.width]
    cut = "…" if start else ""
    more = "…" if start + self.SHOWN < len(self.excerpt) else ""
    gutter = f"{self.line:4} | "
    caret = " " * (len(gutter + cut) + _cells(before)) + "^" * max(1, _cells(under))
    return f"{text}\n{gutter}{cut}{shown.rstrip()}{more}\n{caret}"


def _cells(text: str) -> int:
  """How many columns of a terminal the text takes."""
  return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def leaves(exc: BaseException) -> Iterator[BaseException]:
  """The errors in nested groups."""
  if isinstance(exc, BaseExceptionGroup):
    for inner in exc.exceptions:
      yield from leaves(inner)
  else:
    yield exc


def leaf(exc: BaseException) -> BaseException:
  """The one error in nested groups, or the group where there are several."""
  while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
    exc = exc.exceptions[0]
  return exc


def fault_of(exc: BaseException) -> Exception:
  """What code of a plugin raised, whatever it is, as an error to be dealt with where it was called.
  Raises what is no fault of it: a cancellation, or the user's Ctrl-C."""
  if (passing := BaseExceptionGroup("", [exc]).split(_passes)[0]) is not None:
    try:
      raise leaf(passing)
    finally:
      # Its traceback has this frame, and so would keep all that the frames below hold.
      del exc, passing
  found = leaf(exc)
  try:
    text = str(found)
  except BaseException:
    text = "its text cannot be read"
  else:
    if isinstance(found, Exception):
      return found
  return RuntimeError(f"{type(found).__name__}: {text}").with_traceback(found.__traceback__)


def _passes(exc: BaseException) -> bool:
  import trio  # Here, because configuration classes are read without it.

  if not isinstance(exc, KeyboardInterrupt):
    return isinstance(exc, trio.Cancelled)
  place = exc.__traceback__
  while place is not None and place.tb_next is not None:
    place = place.tb_next
  if place is None or place.tb_frame.f_globals.get("__name__", "").startswith("trio."):
    return True
  # A signal comes between any two instructions; code that raises it itself is at its `raise`.
  return place.tb_frame.f_code.co_code[place.tb_lasti] != dis.opmap["RAISE_VARARGS"]


def blame(name: str, exc: BaseException) -> BondError:
  """What code of the plugin of that name raised: its BondError, or one that names the plugin."""
  error = fault_of(exc)
  if isinstance(error, BondError):
    return error
  return PluginError(f"{name} raised {sentence(error)}; please report it to its author")


def sentence(exc: BaseException) -> str:
  """What an error says to a user: its own sentence, or its kind and text where it has none."""
  found = leaf(exc)
  return str(found) if isinstance(found, BondError) else f"{type(found).__name__}: {found}"
