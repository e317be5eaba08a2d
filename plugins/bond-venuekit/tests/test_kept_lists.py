"""Lists of markets that a machine keeps: what is read back, and everything that is not."""

import json
import os
import threading
import time

import pytest
from bond_venuekit import keep, kept_list, unlisted
from bond_venuekit.kept_lists import MAX_AGE, MAX_BYTES, folder, nearest
from hypothesis import given, strategies as st

MARKETS = {"BTCUSDT": "BTC/USDT:USDT", "1000PEPEUSDT": "1000PEPE/USDT:USDT"}


def written():
  """Waits for what is being written."""
  for thread in threading.enumerate():
    if thread.name == "bond-listings":
      thread.join()


@pytest.fixture
def kept(monkeypatch, tmp_path):
  monkeypatch.setenv("BOND_CACHE", str(tmp_path / "cache"))

  def keeping(markets=MARKETS, **more):
    keep("binance", "usdm", markets, **more)
    written()
    return folder() / "binance.usdm.json"

  return keeping


def test_what_is_kept_is_read_back_and_only_its_owner_may_read_it(kept):
  assert kept_list("binance", "usdm") is None
  path = kept(unread=["ODDUSDT"])
  found = kept_list("binance", "usdm")
  assert (found.markets, found.unread) == (MARKETS, ["ODDUSDT"])
  assert path.stat().st_mode & 0o777 == 0o600
  assert path.parent.stat().st_mode & 0o777 == 0o700
  assert os.listdir(path.parent) == [path.name]
  assert kept_list("binance", "spot") is None


def test_an_older_list_answers_for_a_day_and_one_of_the_future_not_at_all(kept):
  kept()
  now = time.time()
  assert kept_list("binance", "usdm", now + MAX_AGE - 60) is not None
  assert kept_list("binance", "usdm", now + MAX_AGE + 60) is None
  assert kept_list("binance", "usdm", now - 60) is None


def test_a_newer_list_takes_its_place_after_an_hour(kept):
  path = kept()
  kept({"ETHUSDT": ""})
  assert kept_list("binance", "usdm").markets == MARKETS
  os.utime(path, (time.time() - 4000,) * 2)
  kept({"ETHUSDT": ""})
  assert kept_list("binance", "usdm").markets == {"ETHUSDT": "ETHUSDT"}


@pytest.mark.parametrize(
  "change",
  [
    {"venue": "okx"},
    {"family": "spot"},
    {"markets": ["BTCUSDT"]},
    {"markets": {"BTCUSDT": 1}},
    {"markets": {"\x1b[2J": "BTC/USDT"}},
    {"markets": {"BTCUSDT": "B" * 200}},
    {"markets": {str(n): "A/B" for n in range(50_001)}},
    {"read_at": "now"},
    {"read_at": 1e300},
  ],
)
def test_a_file_that_is_not_as_it_was_written_counts_as_none(kept, change):
  path = kept()
  path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
  assert kept_list("binance", "usdm") is None


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b" " * (MAX_BYTES + 1)])
def test_any_bytes_count_as_none(kept, body):
  kept().write_bytes(body)
  assert kept_list("binance", "usdm") is None


def test_a_link_and_a_pipe_are_no_lists(kept):
  path = kept()
  path.rename(path.with_name("other"))
  path.symlink_to("other")
  assert kept_list("binance", "usdm") is None
  path.unlink()
  os.mkfifo(path)
  assert kept_list("binance", "usdm") is None


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", "x" * 60])
def test_names_that_are_none_of_a_file_keep_nothing(kept, name, tmp_path):
  keep(name, "usdm", MARKETS)
  written()
  assert list(tmp_path.iterdir()) == []
  assert kept_list(name, "usdm") is None


def test_a_folder_that_cannot_be_made_keeps_nothing(monkeypatch):
  monkeypatch.setenv("BOND_CACHE", os.devnull)
  keep("binance", "usdm", MARKETS)
  written()
  assert kept_list("binance", "usdm") is None


def test_a_process_that_can_start_no_thread_keeps_nothing(kept, monkeypatch):
  def start(thread):
    raise RuntimeError("can't start new thread")

  monkeypatch.setattr(threading.Thread, "start", start)
  keep("binance", "usdm", MARKETS)
  assert kept_list("binance", "usdm") is None


def test_the_folder_follows_the_rules_of_the_desktop(monkeypatch, tmp_path):
  monkeypatch.setenv("HOME", str(tmp_path))
  usual = tmp_path / ".cache" / "bond" / "listings"
  assert folder({}) == folder({"XDG_CACHE_HOME": "relative"}) == usual
  assert folder({"XDG_CACHE_HOME": "/x"}).as_posix() == "/x/bond/listings"
  assert folder({"XDG_CACHE_HOME": "/x", "BOND_CACHE": "/y"}).as_posix() == "/y/listings"


LISTED = ["BTC/USDT:USDT", "1000PEPE/USDT:USDT", "PEOPLE/USDT:USDT", "BTC/USDT", "SOL/USDC"]


@pytest.mark.parametrize(
  ("wanted", "found"),
  [
    ("PEPE/USDT:USDT", ["1000PEPE/USDT:USDT"]),
    ("KPEPE/USDT:USDT", ["1000PEPE/USDT:USDT"]),
    ("BTC/USDC:USDC", ["BTC/USDT:USDT", "BTC/USDT"]),
    ("SOL/USDT", ["SOL/USDC"]),
    ("PEOPLL/USDT:USDT", ["PEOPLE/USDT:USDT"]),
    ("ZZZ/EUR", []),
  ],
)
def test_the_nearest_are_the_same_in_thousands_then_the_same_asset_then_the_spelling(wanted, found):
  assert list(nearest(wanted, LISTED)) == found


def test_what_venues_write_for_a_thousand_is_found_wherever_it_stands():
  assert nearest("SHIBUSDT", ["BTCUSDT", "SHIB1000USDT"]) == ("SHIB1000USDT",)
  assert nearest("BABYDOGE/USDT", ["1MBABYDOGE/USDT"]) == ("1MBABYDOGE/USDT",)


def test_the_sentence_says_what_when_and_instead(kept):
  kept()
  found = unlisted("PEPE/USDT:USDT", "among its futures", kept_list("binance", "usdm"))
  assert found.reason.startswith("there is no PEPE/USDT:USDT among its futures by the list of 20")
  assert found.reason.endswith("; the nearest: 1000PEPE/USDT:USDT")


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=20))
def test_any_texts_have_nearest_ones_that_are_among_them(wanted, written):
  assert set(nearest(wanted, written)) <= set(written)
