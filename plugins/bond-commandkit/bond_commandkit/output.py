"""What a command says to its user, and how it leaves."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from bond_commandkit.log_format import Json
from bond_commandkit.plain_text import plain
from bond_core import BondError
from bond_core.config import parse_duration

F = TypeVar("F", bound=Callable[..., Any])

BAD_SPEC = 2
"""Exit code of a command whose spec or options are wrong."""
FAILED = 1
"""Exit code of a command that could not do its work."""


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


def into_option(what: str) -> Callable[[F], F]:
  """The option of a command that writes `what` into a folder."""
  return click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help=f"Where {what} is written; here by default.",
  )


def say(message: str, level: int = logging.INFO) -> None:
  """Tells the user something, whatever is logged: as it is, or as a line of the log where that is
  for machines."""
  logger = logging.getLogger("bond")
  for handler in logger.handlers:
    if isinstance(handler.formatter, Json):
      handler.handle(logger.makeRecord("bond", level, "", 0, message, (), None))
      return
  click.echo(plain(message), err=True)


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
