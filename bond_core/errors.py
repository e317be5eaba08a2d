"""Errors by what has to happen next. A plugin raises one; the core decides and retries."""


class BondError(Exception):
  """Base of all errors that Bond raises on purpose; its text is a sentence for the user."""


class Disconnected(BondError):
  """The connection to a venue ended; the core backs off, reconnects and declares the gap."""


class RetryAfter(BondError):
  """A venue asked for patience: the core waits `seconds` before it tries again."""

  def __init__(self, seconds: float, why: str = "") -> None:
    super().__init__(why or f"the venue asked to wait {seconds:g} s")
    self.seconds = seconds


class Refused(BondError):
  """A venue will never accept this as it stands (wrong symbol, wrong place, wrong key): trying
  again does not help, a person has to act."""


class AuthError(Refused):
  """Credentials are missing or were not accepted."""


class PluginError(BondError):
  """A plugin is missing, broken, named twice, or does not keep its promises."""


class SpecError(BondError):
  """A spec cannot be run. `problems` are all of them, in the order of the file."""

  def __init__(self, problems: "list[Problem]") -> None:
    super().__init__("\n".join(str(problem) for problem in problems))
    self.problems = problems


class Problem:
  """One thing that is wrong with a spec, and where: `line` and `column` count from 1."""

  __slots__ = ("column", "excerpt", "file", "line", "message", "path", "width")

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
    if self.excerpt is not None:
      gutter = f"{self.line:4} | "
      caret = " " * (len(gutter) + self.column - 1) + "^" * max(1, self.width)
      text += f"\n{gutter}{self.excerpt}\n{caret}"
    return text
