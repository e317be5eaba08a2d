"""Reads a spec's text into plain data in which every key and value knows its place.

YAML, and JSON as the YAML that it is, without the parts of YAML that surprise: no anchors, aliases,
tags, merge keys, duplicate keys or second documents, and only what looks like a number, true, false
or null is anything but text. The text is bounded before it is parsed, depth and count while it is.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, NoReturn

import yaml

from bond_core._errors import Problem, SpecError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_NODES = 2000
MAX_TEXT = 4096
MAX_SPEC_NODES = 250
MAX_COPIES = 50
"""Of one event, by different ways through the transforms of a spec from outside."""
MAX_HELD = 200_000
"""Events and keys that the transforms of a spec from outside may hold together."""
# More would not help, and each costs time.
MAX_PROBLEMS = 50

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|-?Infinity|NaN")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
# JSON writes characters beyond the first 65,536 as two escapes, which YAML does not know. Escaped
# backslashes are matched too, so that what follows them is not taken for an escape.
_PAIR = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_PAIR_WIDTH = 12
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What follows a key that is named like a secret is not shown, wherever it stands. A name in
# capitals after `secret:` is a reference and says nothing. Nothing here backtracks far: a line can
# be as long as a text.
_SECRETIVE = re.compile(
  r"""(?ix) (?:secret|token|passw|passphrase|bearer|auth|api_?-?key|private|credential)
  [\w-]{0,32} ["']? [ ]{0,8} : [ ]{0,8}
  (?! \{ | \[ | (?-i:["']?[A-Z][A-Z0-9_]{0,127}["']?[ ]{0,8}(?:[,}\#]|$)) )
  (?P<value> "(?:[^"\\]|\\.)*+"? | '[^']*+'? | [^,}\]\s] [^,}\]]*+ )"""
)

_URL_SECRET = re.compile(
  r"""(?ix) (?: ://[^\s/@:"']{0,64} : | [?&][\w-]{0,32}(?:token|key|secret|sig|pass)[\w-]{0,32}= )
  (?P<value> (?<=:)[^\s/@"']{1,256}(?=@) | (?<==)[^\s&"',}\]]+ )"""
)


class Span(NamedTuple):
  """From where to where something stands; lines and columns count from 1, the end is exclusive."""

  line: int
  column: int
  end_line: int
  end_column: int


START = Span(1, 1, 1, 2)


class Document:
  """Plain data and its places, and the problems found in it so far.

  `data` may have been rewritten: then `origin` names for a path in `data` the path in the user's
  text, for itself and all below it.
  """

  def __init__(self, text: str, file: str) -> None:
    self.file = file
    self.lines = _BREAK.split(text)
    self.data: dict[str, Any] = {}
    self.keys: dict[Path, Span] = {}
    self.values: dict[Path, Span] = {}
    self.origin: dict[Path, Path] = {}
    self.spoiled: set[Path] = set()
    self._found: dict[tuple[Span, str], str] = {}
    self._masked: list[Span] = []

  def written(self, path: Path) -> Path:
    """Where in the user's text the value at a path of `data` comes from."""
    for length in range(len(path), 0, -1):
      if path[:length] in self.origin:
        return self.origin[path[:length]] + path[length:]
    return path

  def key_span(self, path: Path) -> Span:
    """The place of the key at a path; of what it is in where there is none."""
    path = self.written(path)
    while path:
      span = self.keys.get(path) or self.values.get(path)
      if span is not None:
        return span
      path = path[:-1]
    return START

  def value_span(self, path: Path) -> Span:
    """The place of the value at a path; of its key where the value is left out."""
    span = self.values.get(self.written(path))
    return span if span is not None and span[:2] != span[2:] else self.key_span(path)

  def refuse(
    self, message: str, path: Path, at: Literal["value", "key", "owner"] = "value"
  ) -> None:
    """Notes a problem with the value at `path`, with the key there, or with what the value lacks
    (reported at the key that owns it). What follows from an earlier problem is not reported."""
    written = self.written(path)
    depth = len(written) + (at != "key")
    if not any(written[:length] in self.spoiled for length in range(depth)):
      self.note(message, path, self.value_span(path) if at == "value" else self.key_span(path))

  def note(self, message: str, path: Path, span: Span) -> None:
    """Notes a problem with what stands at `span`."""
    if not message.isprintable():
      # A component's sentence may have lines, and a name any character.
      message = "".join(c if c.isprintable() else "�" for c in " ".join(message.split()))
    message = _starred(_URL_SECRET, message)
    self._found.setdefault((span, message), path_text(self.written(path)))
    if len(self._found) >= MAX_PROBLEMS:
      self.fail()

  def mask(self, path: Path) -> None:
    """Keeps the value at `path`, and all within it, out of every error."""
    path = self.written(path)
    self._masked += [span for at, span in self.values.items() if at[: len(path)] == path]

  def check(self) -> None:
    """Raises SpecError if there are problems."""
    if self._found:
      self.fail()

  def fail(self) -> NoReturn:
    """Raises SpecError with the problems so far, in the order of the text."""
    found = sorted(self._found.items(), key=lambda item: item[0][0][:2])
    excerpts = {line: self._excerpt(line) for line in {span.line for (span, _), _ in found}}
    problems = [
      Problem(
        message,
        path=path,
        file=self.file,
        line=span.line,
        column=span.column,
        width=self._width(span),
        excerpt=excerpts[span.line],
      )
      for (span, message), path in found
    ]
    if len(problems) >= MAX_PROBLEMS:
      message = f"these are the first {MAX_PROBLEMS} problems that were found; there may be more"
      problems.append(Problem(message, file=self.file, line=problems[-1].line))
    raise SpecError(problems)

  def _line(self, number: int) -> str:
    return self.lines[number - 1] if number <= len(self.lines) else ""

  def _width(self, span: Span) -> int:
    end = span.end_column if span.end_line == span.line else len(self._line(span.line)) + 1
    return max(1, end - span.column)

  def _excerpt(self, number: int) -> str:
    line = self._line(number)
    for span in self._masked:
      if span.line <= number <= span.end_line:
        start = span.column - 1 if number == span.line else 0
        end = span.end_column - 1 if number == span.end_line else len(line)
        line = line[:start] + "*" * (end - start) + line[end:]
    return _starred(_URL_SECRET, _starred(_SECRETIVE, line))


def _starred(pattern: re.Pattern[str], text: str) -> str:
  """The text with what the pattern calls `value` made unreadable, everything else in its place."""
  parts, end = [], 0
  for found in pattern.finditer(text):
    start, stop = found.span("value")
    parts += [text[end:start], "*" * (stop - start)]
    end = stop
  return "".join([*parts, text[end:]])


def path_text(path: Path) -> str:
  """sources.x.with.symbols[0]"""
  text = ""
  for part in path:
    if isinstance(part, int):
      text += f"[{part}]"
    else:
      name = part if _PLAIN_KEY.fullmatch(part) else shown(part)
      text += f".{name}" if text else name
  return text


def shown(value: object, most: int = 60) -> str:
  """A value as an error shows it: quoted, and not longer than `most`."""
  if isinstance(value, str) and len(value) > most:
    value = value[:most]
    return repr(value)[:-1] + "…'"
  text = repr(value)
  return text if len(text) <= most + 2 else text[:most] + "…"


def kind_of(value: object) -> str:
  """What a plain value is, in words: the number 5, the text 'five', a list."""
  match value:
    case None:
      return "nothing"
    case bool():
      return str(value).lower()
    case int() | float():
      return f"the number {shown(value)}"
    case str():
      return f"the text {shown(value)}"
    case list():
      return "a list"
    case _:
      return "a mapping of keys to values"


def read_document(text: str | bytes, file: str = "spec.yaml") -> Document:
  """The mapping that a text holds. Raises SpecError for a text that is too big, not YAML, or uses
  what specs do not have."""
  if len(text) > MAX_BYTES:
    raise _too_long(file)
  if isinstance(text, bytes):
    text = _decoded(text, file)
  if len(text.encode("utf-8", "replace")) > MAX_BYTES:
    raise _too_long(file)
  text = text.removeprefix("\ufeff")
  document = Document(text, file)
  if found := _UNPRINTABLE.search(text):
    message = f"the character U+{ord(found[0]):04X} cannot stand in a spec; remove it"
    document.note(message, (), _span_at(text, found.start()))
    document.fail()
  if found := _DIRECTIVE.search(text):
    message = "a line that begins with % is a YAML directive, which specs do not have; remove it"
    document.note(message, (), _span_at(text, found.start()))
    document.fail()
  _Reader(text, document).read()
  return document


def _too_long(file: str) -> SpecError:
  message = f"the text is longer than {MAX_BYTES // 1024} KiB; is it a spec?"
  return SpecError([Problem(message, file=file)])


def _decoded(data: bytes, file: str) -> str:
  try:
    return data.decode()
  except UnicodeDecodeError as exc:
    line = data.count(b"\n", 0, exc.start) + 1
    column = len(data[data.rfind(b"\n", 0, exc.start) + 1 : exc.start].decode()) + 1
    message = "the text is not UTF-8; save the file as UTF-8"
    raise SpecError([Problem(message, file=file, line=line, column=column)]) from None


def _span_at(text: str, index: int) -> Span:
  before = _BREAK.split(text[:index])
  line, column = len(before), len(before[-1]) + 1
  return Span(line, column, line, column + 1)


class _Reader:
  """One pass over the parser's events, which are read as they are needed."""

  def __init__(self, text: str, document: Document) -> None:
    self.document = document
    self.nodes = 0
    # By line (from 0), the columns of characters that the user wrote as two escapes.
    self.pairs: dict[int, list[int]] = {}
    if text.lstrip().startswith(("{", "[")) and "\\u" in text:
      text = self._join_pairs(text)
    self.text = text
    self.events: Iterator[Any] = yaml.parse(text, Loader=LOADER)

  def _join_pairs(self, text: str) -> str:
    for number, line in enumerate(self.document.lines):
      pairs = [found for found in _PAIR.finditer(line) if found[1]]
      if pairs:
        width = _PAIR_WIDTH - 1
        self.pairs[number] = [found.start() - width * n for n, found in enumerate(pairs)]
    return _PAIR.sub(_joined, text)

  def read(self) -> None:
    """Fills the document."""
    try:
      self._read()
    except yaml.YAMLError as exc:
      self._syntax(exc)
      self.document.fail()

  def _read(self) -> None:
    document = self.document
    next(self.events)
    if isinstance(next(self.events), yaml.StreamEndEvent):
      document.note("the spec is empty; it needs at least `sources:`", (), START)
      document.fail()
    event = next(self.events)
    value = self._value(event, (), 1)
    next(self.events)
    after = next(self.events)
    if isinstance(after, yaml.DocumentStartEvent):
      message = "a second document begins here; a file holds one spec, so remove the --- line"
      document.note(message, (), self._span(after))
      document.fail()
    if not isinstance(value, dict):
      message = f"a spec is a mapping with the key `sources`, not {kind_of(value)}"
      document.note(message, (), self._span(event))
      document.fail()
    document.data = value

  def _value(self, event: Any, path: Path, depth: int, recorded: bool = True) -> Any:
    """The value that begins with `event`. One that is not `recorded` is read over."""
    document = self.document
    span = self._span(event)
    self.nodes += 1
    if self.nodes > MAX_NODES:
      document.note(f"more than {MAX_NODES} values; a spec is smaller than that", path, span)
      document.fail()
    if recorded:
      document.values[path] = span
    if isinstance(event, yaml.AliasEvent):
      message = f"*{event.anchor} is a YAML alias, which specs do not have; write the value out"
      document.note(message, path, span)
      document.spoiled.add(path)
      return None
    if event.anchor is not None:
      message = f"&{event.anchor} is a YAML anchor, which specs do not have; remove it"
      document.note(message, path, span)
    if event.tag is not None:
      message = f"{event.tag.replace('tag:yaml.org,2002:', '!!')} is a YAML tag"
      document.note(f"{message}, which specs do not have; remove it", path, span)
      document.spoiled.add(path)
    if isinstance(event, yaml.ScalarEvent):
      return self._scalar(event, path, span)
    if depth > MAX_DEPTH:
      document.note(f"nested more than {MAX_DEPTH} deep", path, span)
      document.fail()
    if isinstance(event, yaml.SequenceStartEvent):
      items: list[Any] = []
      while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
        below = (*path, len(items)) if recorded else path
        items.append(self._value(event, below, depth + 1, recorded))
      return items
    return self._mapping(path, depth, recorded)

  def _mapping(self, path: Path, depth: int, recorded: bool) -> dict[str, Any]:
    document = self.document
    mapping: dict[str, Any] = {}
    first: dict[str, int] = {}
    while not isinstance(event := next(self.events), yaml.MappingEndEvent):
      span = self._span(event)
      key = self._key(event, path, depth)
      if key is None:
        self._value(next(self.events), path, depth + 1, recorded=False)
        continue
      below = (*path, key)
      if key in mapping:
        message = f"the key {shown(key)} stands here twice, first in line {first[key]}; remove one"
        document.note(message, below, span)
        self._value(next(self.events), below, depth + 1, recorded=False)
        continue
      first[key] = span.line
      if recorded:
        document.keys[below] = span
      mapping[key] = self._value(next(self.events), below, depth + 1, recorded)
    return mapping

  def _key(self, event: Any, path: Path, depth: int) -> str | None:
    """The key that begins with `event`, None for one that specs do not have."""
    document = self.document
    span = self._span(event)
    if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
      self.nodes += 1
      message = "<< is a YAML merge key, which specs do not have; write the keys out"
      document.note(message, path, span)
      document.spoiled.add(path)
      return None
    # Problems of the key itself leave what is around it readable.
    spoiled = set(document.spoiled)
    key = self._value(event, path, depth + 1, recorded=False)
    document.spoiled = spoiled
    if isinstance(event, yaml.AliasEvent):
      return None
    if not isinstance(key, str):
      quote = "; write it in quotes" if isinstance(event, yaml.ScalarEvent) else ""
      document.note(f"a key is text, not {kind_of(key)}{quote}", path, span)
      return None
    return key

  def _scalar(self, event: Any, path: Path, span: Span) -> Any:
    text: str = event.value
    document = self.document
    if len(text) > MAX_TEXT:
      message = f"a text of {len(text)} characters; the most is {MAX_TEXT}"
      document.note(message, path, span)
      document.fail()
    if event.style:
      return text
    if text in _CONSTANTS:
      return _CONSTANTS[text]
    if _INT.fullmatch(text):
      number = int(text)
      if abs(number) >= 1 << 63:
        document.note("this number is too large; if it is a name, put it in quotes", path, span)
        document.spoiled.add(path)
        return 0
      return number
    if _FLOAT.fullmatch(text) and math.isfinite(real := float(text)):
      return real
    if _NOT_FINITE.fullmatch(text) or _FLOAT.fullmatch(text):
      message = (
        f"{shown(text)} is no number that a spec can hold; if it is a name, put it in quotes"
      )
      document.note(message, path, span)
      document.spoiled.add(path)
      return 0.0
    return text

  def _span(self, event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(
      start.line + 1,
      self._column(start.line, start.column),
      end.line + 1,
      self._column(end.line, end.column),
    )

  def _column(self, line: int, column: int) -> int:
    """The column in the user's text (from 1), of one in the text that is parsed (from 0)."""
    moved = sum(pair < column for pair in self.pairs.get(line, ()))
    return column + 1 + moved * (_PAIR_WIDTH - 1)

  def _syntax(self, exc: yaml.YAMLError) -> None:
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    problem = str(getattr(exc, "problem", None) or exc)
    context = str(getattr(exc, "context", None) or "")
    opened = getattr(exc, "context_mark", None)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = _BREAK.split(self.text)
    # The end of the text is after its last line; what is missing is missing in that line.
    last = max((number for number, text in enumerate(lines) if text), default=0)
    if line > last:
      line, column = last, len(lines[last])
    char = lines[line][column : column + 1]
    if not char and line == last and "node content" in problem:
      problem = "the end"
    message = _sentence(problem, context, char, opened.line + 1 if opened is not None else line + 1)
    at = self._column(line, column)
    self.document.note(message, (), Span(line + 1, at, line + 1, at + 1))


def _joined(found: re.Match[str]) -> str:
  if not found[1]:
    return found[0]
  return bytes.fromhex(found[1] + found[2]).decode("utf-16-be")


_SENTENCES: Mapping[str, str] = {
  "the end": "the spec ends inside a list or mapping; close its bracket",
  "invalid Unicode character escape": "this escape stands for no character",
  "mapping values are not allowed": (
    "a ':' does not fit here; check the indentation, or put text with a ':' in quotes"
  ),
  "could not find expected ':'": "the key in line {opened} has no ':' after it",
  "found unexpected end of stream": "the quotes opened in line {opened} are not closed",
  "found unexpected document indicator": "the quotes opened in line {opened} are not closed",
  "found unknown escape character": (
    "in double quotes a backslash begins an escape; write it twice, or use single quotes"
  ),
  "did not find expected ',' or ']'": (
    "the list opened in line {opened} misses a ',' or its closing ']'"
  ),
  "expected ',' or ']'": "the list opened in line {opened} misses a ',' or its closing ']'",
  "did not find expected ',' or '}'": (
    "the mapping opened in line {opened} misses a ',' or its closing '}}'"
  ),
  "expected ',' or '}'": "the mapping opened in line {opened} misses a ',' or its closing '}}'",
  "did not find expected '-' indicator": (
    "an entry of the list begun in line {opened} begins with '-', at the same column"
  ),
  "did not find expected key": (
    "this does not fit the mapping begun in line {opened}; check the indentation and the quotes"
  ),
  "expected <block end>": (
    "this does not fit what begins in line {opened}; check the indentation and the quotes"
  ),
  "sequence entries are not allowed": (
    "a '-' does not fit here; a list begins in a line of its own, or is written [a, b]"
  ),
  "did not find expected node content": (
    "a value is missing before this; remove the ',' or write the value"
  ),
  "did not find expected <document start>": (
    "the spec has ended before this; check the indentation and the brackets"
  ),
}


def _sentence(problem: str, context: str, char: str, opened: int) -> str:
  """A YAML parser's error in the words of a spec's author."""
  if char == "\t":
    return "a tab stands here; YAML is indented with spaces"
  if char and char in "@`%":
    return f"a text cannot begin with {char!r}; put it in quotes"
  if ("alias" in context or "anchor" in context) and "expected alphabetic" in problem:
    return "a text cannot begin with '*' or '&'; put it in quotes, as in '*'"
  for words, sentence in _SENTENCES.items():
    if words in problem:
      return sentence.format(opened=opened)
  return f"this is not valid YAML: {problem}" + (f" ({context})" if context else "")
