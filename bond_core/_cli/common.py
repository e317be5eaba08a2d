"""What several commands share: reading a spec, logging, exit codes."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TextIO

import click

from bond_core._cli.log_format import Human, Json
from bond_core._errors import BondError, PluginError, SpecError
from bond_core._plugins.known import packages_with
from bond_core._plugins.registry import Registry
from bond_core._redact import Redact
from bond_core._spec.load import load_spec
from bond_core._spec.model import Spec
from bond_core._spec.values import parse_duration
from bond_core._types.parser import ParserType

BAD_SPEC = 2
FAILED = 1


class DurationType(click.ParamType[float]):
  """20s, 5m, 1h."""

  name = "duration"

  def convert(
    self, value: object, param: click.Parameter | None, ctx: click.Context | None
  ) -> float:
    try:
      return float(parse_duration(str(value)))
    except ValueError as exc:
      self.fail(str(exc), param, ctx)


class _Stderr(logging.StreamHandler[TextIO]):
  """Writes to what sys.stderr is now: a live table takes it over while it is drawn."""

  def __init__(self) -> None:
    logging.Handler.__init__(self)

  @property
  def stream(self) -> TextIO:
    return sys.stderr

  @stream.setter
  def stream(self, value: TextIO) -> None:
    raise AttributeError("the stream is sys.stderr")


def set_up_logging(verbose: int, quiet: bool, form: str = "human") -> None:
  """Logs to standard error: warnings, with -v what happens, with -vv tracebacks too. `form` is
  human, or json for an object a line."""
  handler = _Stderr()
  handler.setFormatter(Json() if form == "json" else Human(sys.stderr.isatty()))
  handler.addFilter(Redact())
  logger = logging.getLogger("bond")
  logger.handlers[:] = [handler]
  logger.propagate = False
  levels = (logging.WARNING, logging.INFO, logging.DEBUG)
  logger.setLevel(logging.ERROR if quiet else levels[min(verbose, 2)])


def say(message: str, level: int = logging.INFO) -> None:
  """Tells the user something, whatever is logged: as it is, or as a line of the log where that is
  for machines."""
  logger = logging.getLogger("bond")
  for handler in logger.handlers:
    if isinstance(handler.formatter, Json):
      handler.handle(logger.makeRecord("bond", level, "", 0, message, (), None))
      return
  click.echo(message, err=True)


def read_spec(path: str) -> Spec:
  """The checked spec of a file (- for standard input) or of a request in plain English; exits with
  2 and every problem otherwise."""
  registry = Registry()
  try:
    if path == "-":
      return load_spec(sys.stdin.read(), file="<stdin>", registry=registry)
    if is_request(path):
      return _requested(path, registry)
    text = Path(path).read_text(encoding="utf-8")
    return load_spec(text, file=path, registry=registry)
  except OSError as exc:
    fail(f"cannot read {path}: {exc.strerror}; give a spec file, such as examples/btc-pulse.yaml")
  except UnicodeDecodeError:
    fail(f"{path} is not UTF-8 text; a spec is YAML or JSON")
  except (SpecError, PluginError) as exc:
    fail(str(exc))


def is_request(path: str) -> bool:
  """Whether what stands for a spec is a request in English: no file, and not named like one."""
  if path.lower().endswith((".yaml", ".yml", ".json")):
    return False
  try:
    return not Path(path).exists()
  except (OSError, ValueError):
    # Longer than a file's name can be, or with a zero byte in it.
    return True


def _requested(text: str, registry: Registry) -> Spec:
  if not any(parser.parse is not None for parser in registry.all(ParserType)):
    what = f"for a request in plain English pip install {packages_with('parser')}"
    fail(f"there is no file {text!r}; give a spec file, such as examples/btc-pulse.yaml ({what})")
  from bond_core._cli.account import account_lines
  from bond_core._text_to_spec import text_to_spec

  answer = text_to_spec(text, registry)
  if " " not in text:
    click.echo(f"there is no file {text!r}; read as a request:", err=True)
  click.echo("\n".join(account_lines(answer)), err=True)
  if answer.spec is None:
    sys.exit(BAD_SPEC)
  return answer.spec


def sentences(group: BaseExceptionGroup[BondError]) -> Iterator[str]:
  """What the errors in nested groups say."""
  for exc in group.exceptions:
    if isinstance(exc, BaseExceptionGroup):
      yield from sentences(exc)
    else:
      yield str(exc)


def fail(message: str, code: int = BAD_SPEC) -> NoReturn:
  """Says why on standard error and exits."""
  say(message, logging.ERROR)
  sys.exit(code)
