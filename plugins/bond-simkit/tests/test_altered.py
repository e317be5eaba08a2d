"""Answers without ids, and without rows."""

import msgspec
import pytest
from bond_simkit.altered import without_ids, without_rows

ROW = {"id": 7, "price": "1.0", "time": 5}


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"code": "0", "data": rows}])
def test_rows_lose_their_ids_or_are_left_out_wherever_they_stand(wrap):
  body = msgspec.json.encode(wrap([ROW, ROW]))
  nameless = {"price": "1.0", "time": 5}
  assert msgspec.json.decode(without_ids(body)) == wrap([nameless, nameless])
  assert msgspec.json.decode(without_rows(body)) == wrap([])


def test_what_is_no_json_stays():
  assert without_ids(b"<html>") == without_rows(b"<html>") == b"<html>"
