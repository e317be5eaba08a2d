"""How a log's record is written: a line for people, or a JSON object a line for machines."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import click

from bond_commandkit.plain_text import one_line, plain

_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message"}


class Human(logging.Formatter):
  """12:00:01 WARNING binance: what happened."""

  def __init__(self, colour: bool) -> None:
    super().__init__(datefmt="%H:%M:%S")
    self._colour = colour

  def format(self, record: logging.LogRecord) -> str:
    level = record.levelname
    if self._colour and level in _COLOURS:
      level = click.style(level, fg=_COLOURS[level])
    name = "" if record.name == "bond" else f"{record.name.removeprefix('bond.')}: "
    text = f"{self.formatTime(record, self.datefmt)} {level} {name}{one_line(record.getMessage())}"
    if traceback := traceback_of(self, record):
      text += "\n" + plain(traceback)
    return text


class Json(logging.Formatter):
  """{"time": "2026-01-01T12:00:01.000Z", "level": "warning", "logger": "bond.binance", "message":
  "what happened"}, with the error's kind, and what the record was given besides."""

  def format(self, record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {
      "time": time.replace("+00:00", "Z"),
      "level": record.levelname.lower(),
      "logger": record.name,
      "message": record.getMessage(),
    }
    if record.exc_info and record.exc_info[0] is not None:
      line["error"] = record.exc_info[0].__name__
    if traceback := traceback_of(self, record):
      line["traceback"] = traceback
    for name, value in vars(record).items():
      # Only plain values: what an object prints of itself went through no filter.
      if name not in _STANDARD and isinstance(value, (str, int, float, bool)):
        line.setdefault(name, value)
    return json.dumps(line, ensure_ascii=False)


def traceback_of(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
  """The traceback, which helps the author of a plugin; everybody else has the sentence."""
  if record.exc_info and logging.getLogger("bond").isEnabledFor(logging.DEBUG):
    return record.exc_text or formatter.formatException(record.exc_info)
  return None
