"""Answers without ids, and without rows."""

import msgspec
import pytest
from bond_simkit.altered import delisted, halted, without_ids, without_rows

ROW = {"id": 7, "price": "1.0", "time": 5}


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"code": "0", "data": rows}])
def test_rows_lose_their_ids_or_are_left_out_wherever_they_stand(wrap):
  body = msgspec.json.encode(wrap([ROW, ROW]))
  nameless = {"price": "1.0", "time": 5}
  assert msgspec.json.decode(without_ids(body)) == wrap([nameless, nameless])
  assert msgspec.json.decode(without_rows(body)) == wrap([])


def test_what_is_no_json_stays():
  assert without_ids(b"<html>") == without_rows(b"<html>") == b"<html>"


@pytest.mark.parametrize(
  ("venue", "status", "other"),
  [
    ("symbols", "TRADING", "BREAK"),
    ("data", "live", "suspend"),
    ("list", "Trading", "Settling"),
    ("products", "online", "offline"),
  ],
)
def test_markets_are_halted_or_left_out_of_a_list(venue, status, other):
  def listed(*rows):
    return {venue: [{"symbol": name, "status": found} for name, found in rows]}

  body = msgspec.json.encode(listed(("A", status), ("B", status)))
  assert msgspec.json.decode(halted(body, "")) == listed(("A", other), ("B", other))
  assert msgspec.json.decode(delisted(body, "A")) == listed(("B", status))
  assert delisted(b"<html>", "A") == b"<html>"


def test_the_perpetuals_of_hyperliquid_are_delisted():
  body = b'[{"universe":[{"szDecimals":5,"name":"BTC","maxLeverage":20}]}]'
  [dex] = msgspec.json.decode(halted(body, ""))
  assert dex["universe"] == [
    {"szDecimals": 5, "name": "BTC", "isDelisted": True, "maxLeverage": 20}
  ]
