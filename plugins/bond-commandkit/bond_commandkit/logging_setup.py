"""Logging to standard error, for people or for machines."""

import logging
import os
import sys
from typing import TextIO

from bond_commandkit.log_format import Human, Json
from bond_core.config import Redact


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


def in_colour(stream: TextIO) -> bool:
  """Whether what is written there may have colours: on a terminal, unless NO_COLOR is set."""
  return stream.isatty() and not os.environ.get("NO_COLOR")


def set_up_logging(verbose: int, quiet: bool, form: str = "human") -> None:
  """Logs to standard error: warnings, with -v what happens, with -vv tracebacks too. `form` is
  human, or json for an object a line."""
  handler = _Stderr()
  handler.setFormatter(Json() if form == "json" else Human(in_colour(sys.stderr)))
  handler.addFilter(Redact())
  logger = logging.getLogger("bond")
  logger.handlers[:] = [handler]
  logger.propagate = False
  levels = (logging.WARNING, logging.INFO, logging.DEBUG)
  logger.setLevel(logging.ERROR if quiet else levels[min(verbose, 2)])
