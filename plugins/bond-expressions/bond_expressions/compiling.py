"""From a checked expression to functions over a batch and over one event."""

import ast
import copy
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from bond_core import AnyEvent, Batch
from bond_expressions.checking import CheckedExpression
from bond_expressions.functions import FUNCTIONS
from bond_expressions.kinds import FLAGS, TYPE_NAMES, Kind

_EVENT = "_e"
_BATCH = "_batch"


def compile_condition(
  checked: CheckedExpression, passing: Iterable[type]
) -> tuple[Callable[[Batch], Batch], Callable[[AnyEvent], Any]]:
  """The functions that give the events of a batch that match, and whether one event does.

  Events of the types `passing` match whatever the condition says; events of types that cannot match
  do not. Both raise what the expression raises (TypeError for a missing field or a null).
  """
  names = _globals(checked)
  always = frozenset(passing)
  otherwise = _is_one_of(always, names) if always else ast.Constant(False)
  body = _by_type(checked, names, otherwise, is_condition=True)
  matching = ast.ListComp(_name(_EVENT), [_for_each_event(body)])
  return _compiled(_BATCH, matching, names), _compiled(_EVENT, body, names)


def compile_values(
  checked: CheckedExpression,
) -> tuple[Callable[[Batch], list[Any]], Callable[[AnyEvent], Any]]:
  """The functions that give the value for each event of a batch, and for one event."""
  names = _globals(checked)
  body = _by_type(checked, names, ast.Constant(None), is_condition=False)
  values = ast.ListComp(body, [_for_each_event()])
  return _compiled(_BATCH, values, names), _compiled(_EVENT, body, names)


def _globals(checked: CheckedExpression) -> dict[str, Any]:
  """The global names of the compiled functions."""
  return {
    "__builtins__": {},
    "_kind": type,
    "_absent": _absent,
    "_type": {event_type: event_type.__struct_config__.tag for event_type in checked.fields},
    "_channel": {event_type: event_type.channel for event_type in checked.fields},
    **{f"_f_{name}": function.run for name, function in FUNCTIONS.items()},
  }


def _absent() -> NoReturn:
  """Stands where an expression reads a field that this type of event lacks."""
  raise TypeError("this type of event lacks the field")


def _by_type(
  checked: CheckedExpression, names: dict[str, Any], otherwise: ast.expr, *, is_condition: bool
) -> ast.expr:
  """The expression for whichever type an event has: one branch for each set of missing fields.

  A null that is certain to have no result is tested for first, since an exception costs far more
  than a test.
  """
  groups: dict[frozenset[str], set[type[AnyEvent]]] = {}
  read = checked.used - {*TYPE_NAMES}
  for event_type, fields in checked.fields.items():
    if event_type in checked.matching:
      groups.setdefault(frozenset(read - fields.keys()), set()).add(event_type)
  body = otherwise
  for missing, event_types in sorted(groups.items(), key=lambda group: len(group[1])):
    value: ast.expr = _FieldAccess(missing).visit(copy.deepcopy(checked.tree))
    tests = [_is_not_none(name) for name in _nullable(checked, event_types)]
    if tests and is_condition:
      value = ast.BoolOp(ast.And(), [*tests, value])
    elif tests:
      test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
      value = ast.IfExp(test, value, ast.Constant(None))
    body = ast.IfExp(_is_one_of(frozenset(event_types), names), value, body)
  return body


def _nullable(checked: CheckedExpression, event_types: Iterable[type[AnyEvent]]) -> list[str]:
  """The fields of these types that may be null where a null has no result, sorted."""
  types = list(event_types)
  return sorted(
    name
    for name, strict in checked.certain.items()
    if strict
    and name not in TYPE_NAMES
    and any((checked.fields[each].get(name) or Kind(0)) & Kind.NOTHING for each in types)
  )


class _FieldAccess(ast.NodeTransformer):
  """Turns the names of an expression into reads of the event's fields and of its type, for types
  that lack the fields `missing`."""

  def __init__(self, missing: frozenset[str]) -> None:
    self._missing = missing

  def visit_Name(self, node: ast.Name) -> ast.expr:
    if node.id in TYPE_NAMES:
      return ast.Subscript(_name(f"_{node.id}"), _type_of_event(), ast.Load())
    if node.id in self._missing:
      return _call("_absent")
    if node.id in FLAGS:
      return ast.Compare(_field(node.id), [ast.Is()], [ast.Constant(True)])
    return _field(node.id)

  def visit_Call(self, node: ast.Call) -> ast.expr:
    assert isinstance(node.func, ast.Name)
    return _call(f"_f_{node.func.id}", *(self.visit(argument) for argument in node.args))


def _is_one_of(event_types: frozenset[type], names: dict[str, Any]) -> ast.expr:
  """`type(event) is X`, or `in` a set of types."""
  name = f"_k{len(names)}"
  single = len(event_types) == 1
  names[name] = next(iter(event_types)) if single else event_types
  return ast.Compare(_type_of_event(), [ast.Is() if single else ast.In()], [_name(name)])


def _is_not_none(field: str) -> ast.expr:
  return ast.Compare(_field(field), [ast.IsNot()], [ast.Constant(None)])


def _for_each_event(*conditions: ast.expr) -> ast.comprehension:
  target = ast.Name(_EVENT, ast.Store())
  return ast.comprehension(target, _name(_BATCH), list(conditions), is_async=0)


def _field(name: str) -> ast.expr:
  return ast.Attribute(_name(_EVENT), name, ast.Load())


def _type_of_event() -> ast.expr:
  return _call("_kind", _name(_EVENT))


def _name(name: str) -> ast.Name:
  return ast.Name(name, ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.Call:
  return ast.Call(_name(name), list(arguments), [])


def _compiled(argument: str, body: ast.expr, names: dict[str, Any]) -> Callable[[Any], Any]:
  """The function `lambda argument: body` over the global names `names`."""
  arguments = ast.arguments([], [ast.arg(argument)], None, [], [], None, [])
  function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    code = compile(function, "<expression>", "eval")
  compiled: Callable[[Any], Any] = eval(code, names)
  return compiled
