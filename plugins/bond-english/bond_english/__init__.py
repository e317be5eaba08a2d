"""Plain English for Bond: a deterministic grammar from a request to a spec."""

from collections.abc import Iterable
from typing import Any

from bond_core import CommandType, ParserType, Reading, hookimpl


def _parse(text: str, words: dict[str, str]) -> Reading:
  from bond_english.parsing import parse

  return parse(text, words)


def _explain() -> Any:
  from bond_english.explain import explain_command

  return explain_command


@hookimpl
def bond_register_parsers() -> Iterable[ParserType]:
  summary = "English by a fixed grammar: offline, in milliseconds, with an account of every word."
  return [ParserType(name="english.grammar", summary=summary, parse=_parse)]


@hookimpl
def bond_register_commands() -> Iterable[CommandType]:
  summary = "Say what a request in English means, without starting it."
  return [CommandType(name="explain", summary=summary, load=_explain)]
