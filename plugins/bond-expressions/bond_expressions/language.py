"""Expressions over events, such as `price * size > 100000`: checked, then compiled once.

A closed language in Python's notation: numbers, text, True, False and None; the fields of the
events; `+ - * / // %`, comparisons, `in`, `is None`, `and or not`, `a if b else c`, tuples and
lists; and the functions of functions.py. There are no attributes, subscripts, powers, shifts, other
calls or ways to define anything, and every field has a known kind, so that repeating a text or
formatting with % is refused before it can run. Lengths, depth and literals are bounded.

An expression becomes one function over a batch, because a call for each event would double its
cost. Where it meets what it cannot compute (a field that this type of event lacks, a null in
arithmetic, a division by zero), that event does not match and the rest of the batch goes on.

The text becomes a tree (syntax.py), which is checked against the fields of the events (checking.py)
and compiled (compiling.py); running.py calls the result.
"""

from collections.abc import Iterable

from bond_expressions.checking import EventTypes, check
from bond_expressions.compiling import compile_condition, compile_values
from bond_expressions.kinds import Kind
from bond_expressions.running import Predicate, Value
from bond_expressions.syntax import shortened


def compile_predicate(source: str, over: EventTypes, passing: Iterable[type] = ()) -> Predicate:
  """The compiled condition `source` over events of the types `over`.

  Events of the types `passing` match whatever the condition says; events of any other type do not.
  ValueError with a sentence and the place in the expression for one that is not allowed.
  """
  checked = check(source, over)
  if checked.kind & ~(Kind.TRUTH | Kind.NOTHING):
    raise ValueError(
      f"the expression {shortened(source)} gives {checked.kind.words}, not true or false; "
      "compare it with something, as in price > 100"
    )
  of_batch, of_event = compile_condition(checked, passing)
  return Predicate(source, frozenset(checked.matching), of_batch, of_event)


def compile_value(source: str, over: EventTypes) -> Value:
  """The compiled expression `source` over events of the types `over`; raises as
  compile_predicate."""
  checked = check(source, over)
  of_batch, of_event = compile_values(checked)
  return Value(source, frozenset(checked.matching), of_batch, of_event)
