"""Plain English for Bond where the grammar asks back: a language model divides the request, and the
grammar reads the parts."""

from collections.abc import Iterable

from bond_core import ParserType, Reading, hookimpl


def _parse(text: str, words: dict[str, str]) -> Reading:
  from bond_llm_parser.parsing import parse

  return parse(text, words)


@hookimpl
def bond_register_parsers() -> Iterable[ParserType]:
  summary = "English divided by the language model at BOND_LLM_URL; always asks for a confirmation."
  # After the grammar, which answers most requests, and nobody has to be asked for those.
  return [ParserType(name="llm.parser", summary=summary, parse=_parse, rank=10)]
