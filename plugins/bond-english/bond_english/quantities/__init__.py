"""Quantities: numbers, lengths of time, intervals, amounts, depths and price moves.

A reader `…_at(tokens, first)` returns what it reads at a position with the index after it, or a
chunk; None where nothing of its kind begins there.
"""
