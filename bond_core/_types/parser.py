"""Parsers: from a user's text to a spec."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import attrs

Path: TypeAlias = tuple[str | int, ...]
"""A place in a spec, as in ("sources", "btc", "with", "symbols", 0)."""

Outcome: TypeAlias = Literal["ok", "warn", "ask", "reject"]


@attrs.frozen
class Reading:
  """What a parser understood of a text: a spec (plain data) and an account of the words.

  `outcome` is ok, warn (understood, with an assumption or correction that is stated), ask
  (`questions` come first) or reject (`questions` say why). A spec whose outcome is ask or reject is
  never started unless a person has confirmed it. `missing` says what is understood and offered by
  nothing that is installed, `packages` what to install for it; nothing starts as long as something
  is missing.

  Every piece of the text is in the `account`: `start` and `end` (characters; None for what is not
  in the text), `text`, `slot`, `value` and `how` (exact, alias, corrected, assumed, default). The
  slots symbol, source, exchange, interval (seconds, 0 for every update) and filter (a dict) add up
  to the request; left_out, unknown, refused, note and filler add nothing. `default` is what
  was left open and is needed.

  `delivers` is what arrives: `type`, `symbol`, `venue`, `market`, `every` (seconds, 0 for each
  event), `where` and `text`, a line for people. `remarks` are sentences about the rest. `offers`
  are whole requests to copy, each a `request` that is understood and the `question` it answers.
  """

  outcome: Outcome
  spec: dict[str, Any] | None = None
  account: list[dict[str, Any]] = attrs.field(factory=list)
  unknown: list[str] = attrs.field(factory=list)
  questions: list[str] = attrs.field(factory=list)
  sentence: str = ""
  missing: list[str] = attrs.field(factory=list)
  packages: list[str] = attrs.field(factory=list)
  delivers: list[dict[str, Any]] = attrs.field(factory=list)
  remarks: list[str] = attrs.field(factory=list)
  offers: list[dict[str, str]] = attrs.field(factory=list)


class RewriteProblem(NamedTuple):
  """What is wrong with the key, the value or, for `owner`, the whole that stands at a path."""

  message: str
  path: Path
  at: Literal["key", "value", "owner"] = "value"


@attrs.frozen
class Rewritten:
  """Plain data in the normal form of a spec; None where nothing can be made of it. `origin` says
  where each part stood in the user's text, so that later errors are shown there."""

  data: dict[str, Any] | None
  origin: Mapping[Path, Path] = attrs.field(factory=dict)
  problems: tuple[RewriteProblem, ...] = ()


Aliases: TypeAlias = Mapping[str, tuple[str, Mapping[str, Any]]]
"""Other names of sources: the source, and the settings that the name implies."""


@attrs.frozen(kw_only=True)
class ParserType:
  """A reader of plain text (`parse`), or of another form of spec (`rewrite`).

  `parse(text, words)` takes the words of the installed sources (word → source name). Several can be
  installed: one of a lower `rank` is called first, and another only where that one asks back. So a
  grammar answers what it can, and a language model the rest. It may block; a server calls it in a
  thread. `rewrite(data, aliases)` takes a YAML or JSON document that is no spec in the normal form,
  and the other names of all sources; None where the form is not its own.
  """

  name: str
  summary: str
  parse: Callable[[str, dict[str, str]], Reading] | None = None
  rewrite: Callable[[Mapping[str, Any], Aliases], Rewritten | None] | None = None
  rank: int = 0
