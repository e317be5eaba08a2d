"""Expressions over events: checked, then compiled once."""

from bond_expressions.language import Predicate, Value, compile_predicate, compile_value

__all__ = ["Predicate", "Value", "compile_predicate", "compile_value"]
