"""Requests for markets that a venue does not list, by the lists that this machine keeps."""

import threading
import time

import pytest
from bond_commandkit import TextToSpec
from bond_venuekit import keep

from bond_core import Registry

USDM = {"BTCUSDT": "BTC/USDT:USDT", "1000PEPEUSDT": "1000PEPE/USDT:USDT"}
KRAKEN = ["BTC/USD", "ETH/USD", "PEPE/USD", "ETH/EUR"]


@pytest.fixture(scope="module")
def reader():
  return TextToSpec(Registry())


@pytest.fixture
def kept(monkeypatch, tmp_path):
  monkeypatch.setenv("BOND_CACHE", str(tmp_path))
  keep("binance", "usdm", USDM)
  keep("kraken", "ccxt", {symbol: symbol for symbol in KRAKEN})
  for thread in threading.enumerate():
    if thread.name == "bond-listings":
      thread.join()


@pytest.mark.parametrize(
  ("text", "offered"),
  [
    ("PEPE perp trades on binance", "1000PEPE/USDT:USDT perp trades on binance"),
    ("funding rate for PEPE, every minute", "funding rate for 1000PEPE/USDT:USDT, every minute"),
    ("BTC and PEPE liquidations on binance", "BTC and 1000PEPE/USDT:USDT liquidations on binance"),
    ("PEPE/USDT trades on kraken", "PEPE/USD trades on kraken"),
  ],
)
def test_the_nearest_listed_market_is_offered_and_starts(reader, kept, text, offered):
  answer = reader.read(text)
  told = answer.understood()
  assert (told["can_start"], told["outcome"]) == (False, "ok")
  assert "by the list of" in answer.problems[0]
  assert told["offers"][0]["request"] == offered
  again = reader.read(offered)
  assert again.spec is not None, again.problems


@pytest.mark.parametrize(
  "text",
  [
    "BTC perp trades on binance",
    "PEPE trades on binance",
    "ZZZ/USDT trades on okx",
    "ETH on kraken",
  ],
)
def test_what_is_listed_or_of_a_venue_whose_list_is_not_kept_starts(reader, kept, text):
  assert reader.read(text).spec is not None


def test_without_a_list_nothing_is_said(reader):
  assert reader.read("PEPE perp trades on binance").spec is not None


def test_the_largest_list_is_looked_up_in_milliseconds(reader, monkeypatch, tmp_path):
  monkeypatch.setenv("BOND_CACHE", str(tmp_path))
  keep("binance", "usdm", {f"A{n}USDT": f"A{n}/USDT:USDT" for n in range(2000)} | USDM)
  for thread in threading.enumerate():
    if thread.name == "bond-listings":
      thread.join()
  reader.read("PEPE perp trades on binance")
  started = time.process_time()
  answer = reader.read("PEPE perp trades on binance")
  spent = time.process_time() - started
  assert answer.unlisted
  assert spent < 0.5, spent
