"""Expressions over events: checked, then compiled once."""

from bond_expressions.language import compile_predicate, compile_value
from bond_expressions.running import Predicate, Value

__all__ = ["Predicate", "Value", "compile_predicate", "compile_value"]
