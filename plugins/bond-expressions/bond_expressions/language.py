"""Expressions over events, such as `price * size > 100000`: checked, then compiled once.

A closed language in Python's notation: numbers, text, True, False and None; the fields of the
events; `+ - * / // %`, comparisons, `in`, `is None`, `and or not`, `a if b else c`, tuples and
lists; and the functions of FUNCTIONS. There are no attributes, subscripts, powers, shifts, other
calls or ways to define anything, and every field has a known kind, so that repeating a text or
formatting with % is refused before it can run. Lengths, depth and literals are bounded.

An expression becomes one function over a batch, because a call for each event would double its
cost. Where it meets what it cannot compute (a field that this type of event lacks, a null in
arithmetic, a division by zero), that event does not match and the rest of the batch goes on.
"""

import ast
import copy
import difflib
import enum
import functools
import math
import operator
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

import msgspec

from bond_core import AnyEvent, Batch

MAX_LENGTH = 500
MAX_NODES = 200
MAX_DEPTH = 20
MAX_TEXT = 200
MAX_INTEGER = 2**63
MAX_DIGITS = 15

EventTypes: TypeAlias = Sequence[type[AnyEvent]]


class Kind(enum.IntFlag):
  """What a part of an expression can evaluate to."""

  NUMBER = 1
  TEXT = 2
  TRUTH = 4
  LIST = 8
  NOTHING = 16

  @property
  def words(self) -> str:
    """This kind as an error names it."""
    return " or ".join(_WORDS[single] for single in Kind if self & single)


_WORDS = {
  Kind.NUMBER: "a number",
  Kind.TEXT: "text",
  Kind.TRUTH: "true or false",
  Kind.LIST: "a list",
  Kind.NOTHING: "None",
}


NUMERIC = Kind.NUMBER | Kind.TRUTH


class Function(NamedTuple):
  """A function of the language: what it takes, gives, and is. The last kind repeats up to `most`
  arguments."""

  takes: tuple[Kind, ...]
  gives: Kind
  run: Callable[..., Any]
  least: int
  most: int


FUNCTIONS: dict[str, Function] = {
  "abs": Function((NUMERIC,), Kind.NUMBER, abs, 1, 1),
  "min": Function((NUMERIC,), Kind.NUMBER, min, 2, 10),
  "max": Function((NUMERIC,), Kind.NUMBER, max, 2, 10),
  "round": Function((NUMERIC, NUMERIC), Kind.NUMBER, round, 1, 2),
  "lower": Function((Kind.TEXT,), Kind.TEXT, str.lower, 1, 1),
  "upper": Function((Kind.TEXT,), Kind.TEXT, str.upper, 1, 1),
  "contains": Function((Kind.TEXT | Kind.LIST, Kind.TEXT), Kind.TRUTH, operator.contains, 2, 2),
  "startswith": Function((Kind.TEXT, Kind.TEXT), Kind.TRUTH, str.startswith, 2, 2),
  "endswith": Function((Kind.TEXT, Kind.TEXT), Kind.TRUTH, str.endswith, 2, 2),
  "len": Function((Kind.TEXT | Kind.LIST,), Kind.NUMBER, len, 1, 1),
}
"""Every function an expression can call, by name."""

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_SIGNS = {
  "Pow": "'**'",
  "LShift": "'<<'",
  "RShift": "'>>'",
  "BitOr": "'|'",
  "BitAnd": "'&'",
  "BitXor": "'^'",
  "MatMult": "'@'",
  "Invert": "'~'",
  "Attribute": "a dot",
  "Subscript": "a subscript in [ ]",
  "Lambda": "'lambda'",
  "NamedExpr": "':='",
  "Starred": "'*' before a value",
  "JoinedStr": "an f-string",
  "TemplateStr": "a t-string",
  "Dict": "a dictionary",
  "Set": "a set",
  "Await": "'await'",
  "Yield": "'yield'",
  "YieldFrom": "'yield'",
}


# What runs ----------------------------------------------------------------------------------------


class Predicate:
  """The events of a batch that an expression is true of, in order.

  `errors` counts the events left out because of arithmetic without a result, such as a division
  by zero.
  """

  __slots__ = ("_all", "_one", "errors", "source", "types")

  def __init__(
    self,
    source: str,
    matching: frozenset[type],
    every: Callable[[Batch], Batch],
    one: Callable[[AnyEvent], Any],
  ) -> None:
    self.source = source
    self.types = matching
    """The types of events that can match."""
    self.errors = 0
    self._all = every
    self._one = one

  def __call__(self, batch: Batch) -> Batch:
    try:
      return self._all(batch)
    except (TypeError, ArithmeticError, ValueError):
      return self._singly(batch)

  def _singly(self, batch: Batch) -> Batch:
    kept = []
    one = self._one
    for event in batch:
      try:
        if one(event):
          kept.append(event)
      except TypeError:
        continue
      except (ArithmeticError, ValueError):
        self.errors += 1
    return kept


class Value:
  """The value of an expression for each event of a batch whose types are all in `types`; None where
  it has none. `errors` counts arithmetic without a result."""

  __slots__ = ("_all", "_one", "errors", "source", "types")

  def __init__(
    self,
    source: str,
    matching: frozenset[type],
    every: Callable[[Batch], list[Any]],
    one: Callable[[AnyEvent], Any],
  ) -> None:
    self.source = source
    self.types = matching
    """The types of events that have every field the expression cannot do without."""
    self.errors = 0
    self._all = every
    self._one = one

  def __call__(self, batch: Batch) -> list[Any]:
    try:
      return self._all(batch)
    except (TypeError, ArithmeticError, ValueError):
      return [self._single(event) for event in batch]

  def _single(self, event: AnyEvent) -> Any:
    try:
      return self._one(event)
    except TypeError:
      return None
    except (ArithmeticError, ValueError):
      self.errors += 1
      return None


def compile_predicate(source: str, over: EventTypes, passing: Iterable[type] = ()) -> Predicate:
  """The compiled condition `source` over events of the types `over`.

  Events of the types `passing` are kept whatever the condition says; events of any other type are
  left out. Raises ValueError with a sentence and the place in the expression.
  """
  checked = _Checked(source, over)
  if checked.kind & ~(Kind.TRUTH | Kind.NOTHING):
    raise ValueError(
      f"the expression {_short(source)} gives {checked.kind.words}, not true or false; "
      "compare it with something, as in price > 100"
    )
  kept = frozenset(passing)
  otherwise = ast.Constant(False) if not kept else _is_one_of(kept, checked.names)
  body = _by_type(checked, otherwise, ast.And)
  every = ast.ListComp(
    _name("_e"), [ast.comprehension(_store("_e"), _name("_batch"), [body], is_async=0)]
  )
  return Predicate(
    source,
    checked.matching,
    _compiled("_batch", every, checked.names),
    _compiled("_e", body, checked.names),
  )


def compile_value(source: str, over: EventTypes) -> Value:
  """The compiled expression `source` over events of the types `over`; raises as
  compile_predicate."""
  checked = _Checked(source, over)
  body = _by_type(checked, ast.Constant(None), None)
  every = ast.ListComp(body, [ast.comprehension(_store("_e"), _name("_batch"), [], is_async=0)])
  return Value(
    source,
    checked.matching,
    _compiled("_batch", every, checked.names),
    _compiled("_e", body, checked.names),
  )


# Checking -----------------------------------------------------------------------------------------


class _Checked:
  """An expression that was found harmless, with what its compilation needs to know."""

  def __init__(self, source: str, over: EventTypes) -> None:
    self.source = source
    self.fields = {kind: _fields_of(kind) for kind in over}
    self.known: dict[str, Kind | None] = {"type": Kind.TEXT, "channel": Kind.TEXT}
    for fields in self.fields.values():
      for name, kind in fields.items():
        before = self.known.get(name)
        self.known[name] = kind if before is None or kind is None else before | kind
    self.tree = self._parse()
    self.used: set[str] = set()
    self._kinds: dict[ast.expr, Kind] = {}
    self.kind = self._check(self.tree)
    # Fields that are read whatever the values are, and whether a null there has no result.
    self.certain: dict[str, bool] = {}
    for name, strict in _certain(self.tree, strict=False):
      self.certain[name] = self.certain.get(name, False) or strict
    self.matching = frozenset(
      kind
      for kind, fields in self.fields.items()
      if all(name in fields or name in _OF_TYPE for name in self.certain)
    )
    if not self.matching:
      together = " and ".join(f"'{name}'" for name in self.certain if name not in _OF_TYPE)
      raise ValueError(
        f"the expression {_short(source)} can match no event: none has {together} together"
      )
    self.names: dict[str, Any] = {
      "__builtins__": {},
      "_kind": type,
      "_absent": _absent,
      "_type": {kind: kind.__struct_config__.tag for kind in over},
      "_channel": {kind: kind.channel for kind in over},
      **{f"_f_{name}": function.run for name, function in FUNCTIONS.items()},
    }

  def _parse(self) -> ast.expr:
    source = self.source
    if len(source) > MAX_LENGTH:
      raise ValueError(
        f"the expression has {len(source)} characters; {MAX_LENGTH} are allowed, "
        "so split it over several transforms"
      )
    if not source.strip():
      raise ValueError("the expression is empty; write one such as price * size > 100000")
    try:
      with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
      # An expression that ends too early has no offset.
      column = error.offset - 1 if error.offset else len(source)
      at = _place(source, error.lineno or 1, column)
      raise ValueError(
        f"character {at + 1} of {_short(source)}: {error.msg or 'not an expression'}; "
        "write one such as price * size > 100000 and side == 'buy'"
      ) from None
    except (ValueError, MemoryError, RecursionError):
      raise ValueError(
        f"the expression {_short(source)} cannot be read; it is nested too deeply or holds "
        "characters that no expression has"
      ) from None
    self._bound(tree)
    return tree

  def _bound(self, tree: ast.expr) -> None:
    """Refuses trees that are too big, before anything walks them recursively."""
    nodes, level, depth = 0, [tree], 0
    while level:
      depth += 1
      nodes += len(level)
      if depth > MAX_DEPTH:
        raise self._refusal(level[0], f"the expression is nested more than {MAX_DEPTH} deep")
      level = [
        child
        for node in level
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.expr)
      ]
    if nodes > MAX_NODES:
      raise ValueError(
        f"the expression has {nodes} parts; {MAX_NODES} are allowed, "
        "so split it over several transforms"
      )

  def _refusal(self, node: ast.AST, sentence: str) -> ValueError:
    at = _place(self.source, getattr(node, "lineno", 1), None, getattr(node, "col_offset", 0))
    return ValueError(f"character {at + 1} of {_short(self.source)}: {sentence}")

  def _check(self, node: ast.expr) -> Kind:
    """The kinds that `node` can evaluate to; each node is looked at once."""
    kind = self._kinds.get(node)
    if kind is None:
      kind = self._kinds[node] = self._kind_of(node)
    return kind

  def _kind_of(self, node: ast.expr) -> Kind:
    match node:
      case ast.Constant():
        return self._check_constant(node)
      case ast.Name():
        return self._check_name(node)
      case ast.BoolOp():
        kind = Kind(0)
        for value in node.values:
          kind |= self._check(value)
        return kind
      case ast.UnaryOp(op=ast.Not()):
        self._check(node.operand)
        return Kind.TRUTH
      case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
        self._take(node.operand, NUMERIC, "a sign")
        return Kind.NUMBER
      case ast.BinOp() if isinstance(node.op, _ARITHMETIC):
        return self._check_arithmetic(node)
      case ast.Compare():
        return self._check_compare(node)
      case ast.IfExp():
        self._check(node.test)
        return self._check(node.body) | self._check(node.orelse)
      case ast.Tuple() | ast.List():
        for element in node.elts:
          self._check(element)
        return Kind.LIST
      case ast.Call():
        return self._check_call(node)
    culprit = getattr(node, "op", node)
    named = type(culprit).__name__
    raise self._refusal(node, f"{_SIGNS.get(named, named)} is not allowed in an expression")

  def _check_constant(self, node: ast.Constant) -> Kind:
    match node.value:
      case None:
        return Kind.NOTHING
      case bool():
        return Kind.TRUTH
      case int():
        if abs(node.value) > MAX_INTEGER:
          raise self._refusal(node, f"an integer of more than {MAX_INTEGER} is not allowed")
        return Kind.NUMBER
      case float():
        if not math.isfinite(node.value):
          raise self._refusal(node, "the number is too big")
        return Kind.NUMBER
      case str():
        if len(node.value) > MAX_TEXT:
          raise self._refusal(node, f"a text of more than {MAX_TEXT} characters is not allowed")
        return Kind.TEXT
    raise self._refusal(node, "write a number, a text in quotes, True, False or None")

  def _check_name(self, node: ast.Name) -> Kind:
    name = node.id
    if name not in self.known:
      if name in FUNCTIONS:
        raise self._refusal(node, f"'{name}' is a function; write {name}(...)")
      names = sorted(known for known, kind in self.known.items() if kind is not None)
      close = difflib.get_close_matches(name, [*names, "True", "False", "None"], n=1, cutoff=0.7)
      raise self._refusal(
        node,
        f"there is no field '{name}'; "
        + (
          f"did you mean '{close[0]}'?" if close else f"if it is a text, write '{name}' in quotes"
        ),
      )
    kind = self.known[name]
    if kind is None:
      raise self._refusal(node, f"'{name}' holds nested data, which an expression cannot read")
    self.used.add(name)
    return kind

  def _take(self, node: ast.expr, wanted: Kind, by: str) -> Kind:
    """Checks `node` where `by` takes `wanted`; a null is let through, it just has no result."""
    kind = self._check(node)
    if kind & ~(wanted | Kind.NOTHING) or kind == Kind.NOTHING:
      raise self._refusal(node, f"{by} takes {wanted.words}, and this is {kind.words}")
    return kind

  def _check_arithmetic(self, node: ast.BinOp) -> Kind:
    kinds = self._check(node.left), self._check(node.right)
    joins = isinstance(node.op, ast.Add) and all(kind & Kind.TEXT for kind in kinds)
    wanted = Kind.TEXT if joins else NUMERIC
    for side, kind in zip((node.left, node.right), kinds, strict=True):
      if kind & ~(wanted | Kind.NOTHING) or kind == Kind.NOTHING:
        raise self._refusal(side, f"arithmetic takes numbers, and this is {kind.words}")
    return Kind.TEXT if joins else Kind.NUMBER

  def _check_compare(self, node: ast.Compare) -> Kind:
    left = node.left
    left_kind = self._check(left)
    for op, right in zip(node.ops, node.comparators, strict=True):
      right_kind = self._check(right)
      self._check_pair(op, left, left_kind, right, right_kind)
      left, left_kind = right, right_kind
    return Kind.TRUTH

  def _check_pair(
    self, op: ast.cmpop, left: ast.expr, left_kind: Kind, right: ast.expr, right_kind: Kind
  ) -> None:
    if isinstance(op, ast.Is | ast.IsNot):
      if not (isinstance(right, ast.Constant) and right.value is None):
        raise self._refusal(right, "'is' is only for None; write == instead")
    elif isinstance(op, _ORDERING):
      both = (left_kind | right_kind) & ~Kind.NOTHING
      if Kind.NOTHING in (left_kind, right_kind) or (both & ~NUMERIC and both != Kind.TEXT):
        raise self._refusal(
          right,
          f"{left_kind.words} is compared with {right_kind.words}; write two numbers or two texts",
        )
    elif isinstance(op, ast.Eq | ast.NotEq):
      if not _comparable(left_kind, right_kind):
        raise self._refusal(
          right, f"{left_kind.words} is compared with {right_kind.words}, which is never equal"
        )
    elif isinstance(right, ast.Tuple | ast.List):
      for element in right.elts:
        kind = self._check(element)
        if not _comparable(left_kind, kind):
          raise self._refusal(
            element, f"{left_kind.words} is looked for among {kind.words}, which is never equal"
          )
    elif not right_kind & (Kind.TEXT | Kind.LIST) or right_kind & NUMERIC:
      raise self._refusal(
        right, f"'in' looks into a list or a text, and this is {right_kind.words}"
      )
    elif right_kind & Kind.TEXT and left_kind & ~(Kind.TEXT | Kind.NOTHING):
      raise self._refusal(left, f"'in' looks for a text in a text, and this is {left_kind.words}")

  def _check_call(self, node: ast.Call) -> Kind:
    if not isinstance(node.func, ast.Name):
      raise self._refusal(node, "only a function by its name can be called")
    name = node.func.id
    function = FUNCTIONS.get(name)
    if function is None:
      close = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=0.7)
      hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(sorted(FUNCTIONS))}"
      raise self._refusal(node, f"there is no function '{name}'; {hint}")
    if node.keywords:
      raise self._refusal(node, f"{name}() takes its arguments by place, without names")
    if not function.least <= len(node.args) <= function.most:
      count = (
        f"{function.least}"
        if function.least == function.most
        else (f"{function.least} to {function.most}")
      )
      raise self._refusal(node, f"{name}() takes {count} arguments, and {len(node.args)} are given")
    for place, argument in enumerate(node.args):
      self._take(argument, function.takes[min(place, len(function.takes) - 1)], f"{name}()")
    if name == "round" and len(node.args) == 2:
      # round(1, -10**9) would compute 10**10**9.
      digits = node.args[1]
      if not (
        isinstance(digits, ast.Constant)
        and type(digits.value) is int
        and 0 <= digits.value <= MAX_DIGITS
      ):
        raise self._refusal(digits, f"round() takes its digits as a number from 0 to {MAX_DIGITS}")
    return function.gives


def _comparable(left: Kind, right: Kind) -> bool:
  """Whether two kinds can ever be equal; a null can be asked for in any field."""
  wide_left = left | NUMERIC if left & NUMERIC else left
  wide_right = right | NUMERIC if right & NUMERIC else right
  return bool(wide_left & wide_right) or Kind.NOTHING in (left, right)


def _certain(node: ast.expr, *, strict: bool) -> Iterator[tuple[str, bool]]:
  """The fields of `node` that are read in any case, and whether a null there raises."""
  match node:
    case ast.Name():
      yield node.id, strict
    case ast.BoolOp():
      yield from _certain(node.values[0], strict=False)
    case ast.UnaryOp():
      yield from _certain(node.operand, strict=not isinstance(node.op, ast.Not))
    case ast.BinOp():
      yield from _certain(node.left, strict=True)
      yield from _certain(node.right, strict=True)
    case ast.Compare():
      ordering = isinstance(node.ops[0], _ORDERING)
      inside = isinstance(node.ops[0], ast.In | ast.NotIn)
      yield from _certain(node.left, strict=ordering)
      yield from _certain(node.comparators[0], strict=ordering or inside)
    case ast.IfExp():
      yield from _certain(node.test, strict=False)
    case ast.Tuple() | ast.List():
      for element in node.elts:
        yield from _certain(element, strict=False)
    case ast.Call():
      for place, argument in enumerate(node.args):
        # `None in [...]` has an answer, so the second argument of contains() may be null.
        yield from _certain(argument, strict=place == 0)


def _place(source: str, line: int, column: int | None, byte: int = 0) -> int:
  """The index in `source` of a place that ast gives as line and column of the stripped text; ast
  counts columns of nodes in bytes and those of syntax errors in characters."""
  stripped = source.strip()
  start = source.find(stripped)
  lines = stripped.splitlines(keepends=True)
  before = sum(len(part) for part in lines[: line - 1])
  if column is None:
    row = lines[line - 1] if line <= len(lines) else ""
    column = len(row.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "ignore"))
  return min(start + before + max(0, column), len(source))


def _short(source: str) -> str:
  return repr(source if len(source) <= 80 else source[:77] + "...")


# Fields -------------------------------------------------------------------------------------------

_OF_TYPE = ("type", "channel")
"""Names that every event answers by its type."""


@functools.cache
def _fields_of(kind: type[AnyEvent]) -> dict[str, Kind | None]:
  """The fields of an event type with their kinds, None for one that holds nested data."""
  return {
    field.name: _kind_of(field.type)
    for field in msgspec.structs.fields(kind)
    if field.name != "raw"
  }


def _kind_of(annotation: Any) -> Kind | None:
  origin = typing.get_origin(annotation)
  if origin in (typing.Union, types.UnionType):
    kinds = [_kind_of(part) for part in typing.get_args(annotation)]
    if any(kind is None for kind in kinds):
      return None
    total = Kind(0)
    for kind in kinds:
      total |= kind or Kind(0)
    return total
  if origin is list:
    return Kind.LIST
  scalars: dict[Any, Kind] = {
    bool: Kind.TRUTH,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.TEXT,
    types.NoneType: Kind.NOTHING,
  }
  return scalars.get(annotation)


# Compiling ----------------------------------------------------------------------------------------


def _absent() -> NoReturn:
  """Stands where an expression reads a field that this type of event lacks."""
  raise TypeError("this type of event lacks the field")


def _name(name: str) -> ast.Name:
  return ast.Name(name, ast.Load())


def _store(name: str) -> ast.Name:
  return ast.Name(name, ast.Store())


def _call(name: str, *arguments: ast.expr) -> ast.Call:
  return ast.Call(_name(name), list(arguments), [])


def _is_one_of(kinds: frozenset[type], names: dict[str, Any]) -> ast.expr:
  """`type(event) is X`, or `in` a set of types."""
  name = f"_k{len(names)}"
  alone = len(kinds) == 1
  names[name] = next(iter(kinds)) if alone else kinds
  return ast.Compare(_call("_kind", _name("_e")), [ast.Is() if alone else ast.In()], [_name(name)])


class _Emit(ast.NodeTransformer):
  """Rewrites a checked expression for types that lack the fields `lacks`."""

  def __init__(self, lacks: frozenset[str]) -> None:
    self._lacks = lacks

  def visit_Name(self, node: ast.Name) -> ast.expr:
    if node.id in _OF_TYPE:
      return ast.Subscript(_name(f"_{node.id}"), _call("_kind", _name("_e")), ast.Load())
    if node.id in self._lacks:
      return _call("_absent")
    return ast.Attribute(_name("_e"), node.id, ast.Load())

  def visit_Call(self, node: ast.Call) -> ast.expr:
    assert isinstance(node.func, ast.Name)
    return _call(f"_f_{node.func.id}", *(self.visit(argument) for argument in node.args))


def _by_type(checked: _Checked, otherwise: ast.expr, guarded: type[ast.And] | None) -> ast.expr:
  """The expression for whichever type an event has: one branch for each set of missing fields.

  A null that is certain to have no result is tested for first, since an exception costs ten times
  as much as a test.
  """
  groups: dict[frozenset[str], set[type]] = {}
  for kind, fields in checked.fields.items():
    if kind in checked.matching:
      lacks = frozenset(
        name for name in checked.used if name not in fields and name not in _OF_TYPE
      )
      groups.setdefault(lacks, set()).add(kind)
  body = otherwise
  for lacks, kinds in sorted(groups.items(), key=lambda group: len(group[1])):
    nullable = sorted(
      name
      for name, strict in checked.certain.items()
      if strict
      and name not in _OF_TYPE
      and any((checked.fields[kind].get(name) or Kind(0)) & Kind.NOTHING for kind in kinds)
    )
    value: ast.expr = _Emit(lacks).visit(copy.deepcopy(checked.tree))
    tests: list[ast.expr] = [
      ast.Compare(ast.Attribute(_name("_e"), name, ast.Load()), [ast.IsNot()], [ast.Constant(None)])
      for name in nullable
    ]
    if guarded is not None:
      value = ast.BoolOp(ast.And(), [*tests, value]) if tests else value
    elif tests:
      test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
      value = ast.IfExp(test, value, ast.Constant(None))
    body = ast.IfExp(_is_one_of(frozenset(kinds), checked.names), value, body)
  return body


def _compiled(argument: str, body: ast.expr, names: dict[str, Any]) -> Callable[[Any], Any]:
  """The function `lambda argument: body` over the global names `names`."""
  arguments = ast.arguments([], [ast.arg(argument)], None, [], [], None, [])
  function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    code = compile(function, "<expression>", "eval")
  compiled: Callable[[Any], Any] = eval(code, names)
  return compiled
