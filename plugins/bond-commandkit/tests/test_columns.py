"""Rows of figures in terminals of any width."""

import math

import pytest
from bond_commandkit.columns import (
  Column,
  cell,
  in_columns,
  short_count,
  short_rate,
  short_time,
  sparkline,
)
from rich.cells import cell_len

COLUMNS = (
  Column("name", 4),
  Column("size", 5, figures=True),
  Column("age", 3, figures=True, below=True),
  Column("text", 1, below=True),
)


def lines(rows, width):
  table = in_columns(COLUMNS, [list(map(cell, row)) for row in rows], width)
  return [[line.plain for line in row] for row in table]


def test_where_there_is_room_a_row_is_one_line_and_else_two():
  row = ("binance", "12", "3s", "what it says")
  assert lines([row], 60) == [
    ["name      size  age  text"],
    ["binance     12   3s  what it says"],
  ]
  assert lines([row], 30) == [
    ["name      size", "  age  text"],
    ["binance     12", "   3s  what it says"],
  ]


def test_rows_of_which_nothing_is_below_have_one_line():
  columns = (Column("name", 4), Column("size", 5, figures=True), Column("why", 5))
  [[titles], [row]] = in_columns(columns, [list(map(cell, ("a long name", "1", "because")))], 18)
  assert (titles.plain, row.plain) == ("name    size why", "a lon…     1 beca…")
  assert in_columns(columns, [], 18)[0][0].plain == "name   size  why"


@pytest.mark.parametrize("width", range(8, 70))
def test_a_name_of_wide_characters_is_as_wide_as_it_looks(width):
  found = lines(
    [("币安人生/USDT", "12", "3s", "币安人生" * 9), ("x", "123,456", "", "short")], width
  )
  for line in (line for row in found for line in row):
    assert cell_len(line) <= width
  if width >= 22:
    assert found[1][0].startswith("币安人生/USDT ")


def test_the_widest_gives_way_first():
  found = lines([("a-very-long-name-indeed", "1", "", ""), ("short", "2", "", "")], 16)
  assert [row[0] for row in found[1:]] == ["a-very-lo…     1", "short          2"]


@pytest.mark.parametrize(
  ("number", "text"),
  [
    (0, "0"),
    (9_999, "9,999"),
    (10_000, "10.0k"),
    (123_456, "123k"),
    (999_999, "1000k"),
    (1_234_567, "1.23M"),
    (5e9, "5.00G"),
  ],
)
def test_counts_are_short(number, text):
  assert short_count(number) == text


def test_times_and_rates_are_short():
  times = (-1, 0.04, 9.9, 9.96, 119, 121, 7_300, 200_000)
  assert [short_time(s) for s in times] == ["0.0s", "0.0s", "9.9s", "10s", "119s", "2m", "2h", "2d"]
  assert [short_rate(r) for r in (0, 0.25, 9.9, 9.96, 45_678)] == [
    "0/s",
    "0.2/s",
    "9.9/s",
    "10/s",
    "45.7k/s",
  ]


def test_a_sparkline_spans_from_the_least_to_the_greatest_of_the_last():
  assert sparkline([9, 1, 2, 3], 3) == "▁▅█"
  assert sparkline([5, 5], 8) == "▁▁"
  assert sparkline([math.nan, 1, math.inf, 2], 8) == "▁█"
  assert sparkline([], 8) == ""
