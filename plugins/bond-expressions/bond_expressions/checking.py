"""The check of an expression: only what the language has, with kinds that fit."""

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bond_core import AnyEvent
from bond_core.config import did_you_mean
from bond_expressions.functions import FUNCTIONS, MAX_DIGITS
from bond_expressions.kinds import NUMERIC, TYPE_NAMES, Kind, are_comparable, fields_of
from bond_expressions.syntax import parse, refusal, shortened

MAX_TEXT = 200
MAX_INTEGER = 2**63

EventTypes: TypeAlias = Sequence[type[AnyEvent]]
Fields: TypeAlias = dict[str, Kind | None]

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_NOT_ALLOWED = {
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
"""Nodes of Python's syntax as an error names them."""


@dataclass(frozen=True, slots=True)
class CheckedExpression:
  """An expression that is safe to compile.

  `fields` are those of each event type, `used` the names that the expression has. `certain` are the
  names that it reads whatever their values are, with whether a null there has no result. `matching`
  are the event types that have all of these.
  """

  source: str
  tree: ast.expr
  kind: Kind
  fields: dict[type[AnyEvent], Fields]
  used: frozenset[str]
  certain: dict[str, bool]
  matching: frozenset[type[AnyEvent]]


def check(source: str, over: EventTypes) -> CheckedExpression:
  """The checked expression over events of the types `over`. ValueError with a sentence and the
  place in the expression for one that is not allowed or can match no event."""
  tree = parse(source)
  fields = {event_type: fields_of(event_type) for event_type in over}
  checker = _Checker(source, _known_names(fields))
  kind = checker.check(tree)
  certain: dict[str, bool] = {}
  for name, strict in _certain_names(tree, strict=False):
    certain[name] = certain.get(name, False) or strict
  needed = [name for name in certain if name not in TYPE_NAMES]
  matching = frozenset(
    event_type for event_type, own in fields.items() if all(name in own for name in needed)
  )
  if not matching:
    together = " and ".join(f"'{name}'" for name in needed)
    raise ValueError(
      f"the expression {shortened(source)} can match no event: none has {together} together"
    )
  return CheckedExpression(source, tree, kind, fields, frozenset(checker.used), certain, matching)


def _known_names(fields: dict[type[AnyEvent], Fields]) -> Fields:
  """Every name that an expression can read, with its kind over all event types."""
  known: Fields = dict.fromkeys(TYPE_NAMES, Kind.TEXT)
  for own in fields.values():
    for name, kind in own.items():
      before = known.get(name)
      known[name] = kind if before is None or kind is None else before | kind
  return known


class _Checker:
  """Finds the kind of each node, once, and refuses what is not allowed."""

  def __init__(self, source: str, known: Fields) -> None:
    self.used: set[str] = set()
    self._source = source
    self._known = known
    self._kinds: dict[ast.expr, Kind] = {}

  def check(self, node: ast.expr) -> Kind:
    """The kinds that a node can evaluate to."""
    kind = self._kinds.get(node)
    if kind is None:
      kind = self._kinds[node] = self._kind_of(node)
    return kind

  def _refusal(self, node: ast.AST, sentence: str) -> ValueError:
    return refusal(self._source, node, sentence)

  def _kind_of(self, node: ast.expr) -> Kind:
    match node:
      case ast.Constant():
        return self._check_constant(node)
      case ast.Name():
        return self._check_name(node)
      case ast.BoolOp():
        kind = Kind(0)
        for value in node.values:
          kind |= self.check(value)
        return kind
      case ast.UnaryOp(op=ast.Not()):
        self.check(node.operand)
        return Kind.TRUTH
      case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
        self._require(node.operand, NUMERIC, "a sign")
        return Kind.NUMBER
      case ast.BinOp() if isinstance(node.op, _ARITHMETIC):
        return self._check_arithmetic(node)
      case ast.Compare():
        return self._check_compare(node)
      case ast.IfExp():
        self.check(node.test)
        return self.check(node.body) | self.check(node.orelse)
      case ast.Tuple() | ast.List():
        for element in node.elts:
          self.check(element)
        return Kind.LIST
      case ast.Call():
        return self._check_call(node)
    name = type(getattr(node, "op", node)).__name__
    raise self._refusal(node, f"{_NOT_ALLOWED.get(name, name)} is not allowed in an expression")

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
    if name not in self._known:
      if name in FUNCTIONS:
        raise self._refusal(node, f"'{name}' is a function; write {name}(...)")
      names = sorted(known for known, kind in self._known.items() if kind is not None)
      hint = f"; if it is a text, write '{name}' in quotes"
      # BTC and ETH are texts, whatever field is spelled like them.
      if not name.isupper():
        hint = did_you_mean(name, [*names, "True", "False", "None"], hint, cutoff=0.7)
      raise self._refusal(node, f"there is no field '{name}'{hint}")
    kind = self._known[name]
    if kind is None:
      raise self._refusal(node, f"'{name}' holds nested data, which an expression cannot read")
    self.used.add(name)
    return kind

  def _require(self, node: ast.expr, allowed: Kind, by: str) -> None:
    """Checks a node where `by` takes the kinds `allowed`; a value that may be null is allowed, too,
    as a null just has no result."""
    kind = self.check(node)
    if kind & ~(allowed | Kind.NOTHING) or kind == Kind.NOTHING:
      raise self._refusal(node, f"{by} takes {allowed.words}, and this is {kind.words}")

  def _check_arithmetic(self, node: ast.BinOp) -> Kind:
    kinds = self.check(node.left), self.check(node.right)
    joins = isinstance(node.op, ast.Add) and all(kind & Kind.TEXT for kind in kinds)
    allowed = Kind.TEXT if joins else NUMERIC
    for operand, kind in zip((node.left, node.right), kinds, strict=True):
      if kind & ~(allowed | Kind.NOTHING) or kind == Kind.NOTHING:
        raise self._refusal(operand, f"arithmetic takes numbers, and this is {kind.words}")
    return Kind.TEXT if joins else Kind.NUMBER

  def _check_compare(self, node: ast.Compare) -> Kind:
    left = node.left
    left_kind = self.check(left)
    for op, right in zip(node.ops, node.comparators, strict=True):
      right_kind = self.check(right)
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
      if not are_comparable(left_kind, right_kind):
        raise self._refusal(
          right, f"{left_kind.words} is compared with {right_kind.words}, which is never equal"
        )
    else:
      self._check_in(left, left_kind, right, right_kind)

  def _check_in(self, left: ast.expr, left_kind: Kind, right: ast.expr, right_kind: Kind) -> None:
    if isinstance(right, ast.Tuple | ast.List):
      for element in right.elts:
        kind = self.check(element)
        if not are_comparable(left_kind, kind):
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
      otherwise = f"; there are {', '.join(sorted(FUNCTIONS))}"
      hint = did_you_mean(name, FUNCTIONS, otherwise, cutoff=0.7)
      raise self._refusal(node, f"there is no function '{name}'{hint}")
    if node.keywords:
      raise self._refusal(node, f"{name}() takes its arguments by position, without names")
    least, most = function.least, function.most
    if not least <= len(node.args) <= most:
      count = f"{least}" if least == most else f"{least} to {most}"
      raise self._refusal(node, f"{name}() takes {count} arguments, and {len(node.args)} are given")
    for index, argument in enumerate(node.args):
      self._require(argument, function.kind_of_argument(index), f"{name}()")
    if name == "round" and len(node.args) == 2:
      self._check_digits(node.args[1])
    return function.gives

  def _check_digits(self, node: ast.expr) -> None:
    # round(1, -10**9) would compute 10**10**9.
    value = node.value if isinstance(node, ast.Constant) else None
    if type(value) is not int or not 0 <= value <= MAX_DIGITS:
      raise self._refusal(node, f"round() takes its digits as a number from 0 to {MAX_DIGITS}")


def _certain_names(node: ast.expr, *, strict: bool) -> Iterator[tuple[str, bool]]:
  """The names of a checked node that are read in any case, and whether a null there raises."""
  match node:
    case ast.Name():
      yield node.id, strict
    case ast.BoolOp():
      yield from _certain_names(node.values[0], strict=False)
    case ast.UnaryOp():
      yield from _certain_names(node.operand, strict=not isinstance(node.op, ast.Not))
    case ast.BinOp():
      yield from _certain_names(node.left, strict=True)
      yield from _certain_names(node.right, strict=True)
    case ast.Compare():
      ordering = isinstance(node.ops[0], _ORDERING)
      inside = isinstance(node.ops[0], ast.In | ast.NotIn)
      yield from _certain_names(node.left, strict=ordering)
      yield from _certain_names(node.comparators[0], strict=ordering or inside)
    case ast.IfExp():
      yield from _certain_names(node.test, strict=False)
    case ast.Tuple() | ast.List():
      for element in node.elts:
        yield from _certain_names(element, strict=False)
    case ast.Call():
      for index, argument in enumerate(node.args):
        # `None in [...]` has an answer, so the second argument of contains() may be null.
        yield from _certain_names(argument, strict=index == 0)
