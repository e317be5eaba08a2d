"""Who answers the tools: a server in this process, or one somewhere else."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import trio
from bond_server.answers import Answers, QuestionRefused

from bond_core import Principal
from bond_mcp.tools import ADVANCE, BY_NAME, TOOLS, Tool


class Desk(Protocol):
  """Answers the tools for one caller."""

  async def tools(self) -> Sequence[Tool]:
    """Returns the tools that there are."""

  async def ask(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer. Raises QuestionRefused."""


def check_arguments(tool: str, arguments: Mapping[str, Any]) -> None:
  """Raises QuestionRefused for a tool that there is not, and for arguments that it does not
  take."""
  found = BY_NAME.get(tool)
  if found is None:
    raise QuestionRefused(404, f"there is no such tool; there are {', '.join(BY_NAME)}")
  known = found.input_schema["properties"]
  if unknown := [name for name in arguments if name not in known]:
    raise QuestionRefused(
      422,
      f"{tool} takes {', '.join(known)}, and no other argument",
      quoted={"arguments": [str(name)[:40] for name in unknown[:5]]},
    )
  for name in found.needed:
    if arguments.get(name) is None:
      raise QuestionRefused(422, f"{tool} needs {name}")
  for name, value in arguments.items():
    kind = known[name]["type"]
    if value is not None and not isinstance(value, _TYPES[kind]):
      raise QuestionRefused(422, f"{name} is of type {kind}")
    if isinstance(value, bool) and kind != "boolean":
      raise QuestionRefused(422, f"{name} is of type {kind}")


_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
  "string": str,
  "integer": int,
  "number": (int, float),
  "boolean": bool,
  "array": list,
  "object": (dict, str),
}


@attrs.frozen
class LocalDesk:
  """Answers from a server in this process. `host` is what the caller calls it."""

  answers: Answers
  caller: Principal
  host: str = "localhost"

  async def tools(self) -> Sequence[Tool]:
    """Returns the tools that there are."""
    return (*TOOLS, ADVANCE) if self.answers.locked else TOOLS

  async def ask(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer. Raises QuestionRefused."""
    check_arguments(tool, arguments)
    given = {name: value for name, value in arguments.items() if value is not None}
    if tool == "stream":
      given["host"] = self.host
    return await self._questions[tool](self.caller, **given)

  @property
  def _questions(self) -> dict[str, Callable[..., Awaitable[dict[str, Any]]]]:
    answers = self.answers
    return {
      "markets": answers.markets,
      "quote": answers.quote,
      "book": answers.book,
      "window": answers.window,
      "health": answers.health,
      "since": answers.since,
      "wait_until": answers.wait_until,
      "why": answers.why,
      "stream": answers.stream,
      "advance": answers.advance,
    }


class LateDesk:
  """Answers as soon as another desk is there, which takes a while to set up. Where its tools are
  `known`, they can be listed at once."""

  def __init__(self, known: Sequence[Tool] | None = None) -> None:
    self._known = known
    self._desk: Desk | None = None
    self._there = trio.Event()

  def open(self, desk: Desk) -> None:
    """The other desk answers from now on."""
    self._desk = desk
    self._there.set()

  async def tools(self) -> Sequence[Tool]:
    """Returns the tools that there are."""
    return self._known or await (await self._opened()).tools()

  async def ask(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer. Raises QuestionRefused."""
    check_arguments(tool, arguments)
    return await (await self._opened()).ask(tool, arguments)

  async def _opened(self) -> Desk:
    await self._there.wait()
    assert self._desk is not None
    return self._desk
