"""Each fact that is read shapes a node of the spec, is told, or is asked about; nothing is lost."""

import pytest
from bond_english.answering import unshaped
from bond_english.parsing import parse
from installed import WORDS


def test_ids_are_of_one_entry_each():
  account = parse("BTC price on binance every 5s, not tweets", WORDS).account
  assert [entry["id"] for entry in account] == list(range(len(account)))


@pytest.mark.parametrize(
  ("text", "lost"),
  [
    ("BTC price depth 20", "depth 20"),
    ("BTC trades in japanese", "in japanese"),
    ("tweets about BTC on kraken", "kraken"),
    ("open interest of BTC, buys only", "buys"),
    ("BTC order book over 5 minutes", "5 minutes"),
    ("BTC funding, longs", "longs"),
    ("average funding of BTC", "average"),
    ("BTC price between 90k and 100k, ping me outside it", "outside"),
    ("BTC price during the weekend", "weekend"),
    ("skip trades between $10k and $50k, BTC", "$10k"),
    ("BTC trades, not the dust under $10k", "dust"),
    ("BTC trades every 10s, no aggregation", "added up"),
    ("raw BTC trades every 10s", "added up"),
    ("tweets about BTC without spam", "spam"),
    ("posts about BTC on X, not from hedge funds", "funds"),
    ("Bluesky posts about BTC, not from jay.bsky.team", "jay.bsky.team"),
    ("0x514910771AF9Ca656af840dff83E8264EcF986CA token transfers, USDC", "USDC"),
  ],
)
def test_what_shapes_nothing_is_asked_about(text, lost):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  assert any(lost in question for question in reading.questions), reading.questions


@pytest.mark.parametrize(
  ("text", "where"),
  [
    ("BTC trades, no liquidations, over $100k", "price * size >= 100000"),
    ("BTC trades, no liquidations under $100k", "price * size >= 100000"),
    ("skip the dust under $10k, BTC trades", "price * size >= 10000"),
  ],
)
def test_a_bound_after_what_is_left_out_holds(text, where):
  assert [entry["where"] for entry in parse(text, WORDS).delivers if "trade" in entry["type"]] == [
    where
  ]


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ("BTC trades and order book on okx, sells only", "sells only"),
    ("BTC liquidations and open interest on okx, longs only", "longs only"),
  ],
)
def test_a_delivery_says_the_filters_that_it_has(text, said):
  first, second = parse(text, WORDS).delivers
  assert said in first["text"]
  assert said not in second["text"]


WALLET = "0x28C6c06298d514Db089934071355E5743bf21d60"


@pytest.mark.parametrize(
  ("text", "settings"),
  [
    (f"USDC sent by {WALLET}", {"direction": "out", "symbols": ["USDC"]}),
    (f"usdc received by {WALLET}", {"direction": "in", "symbols": ["USDC"]}),
    (f"USDC sent to {WALLET}", {"direction": "in", "symbols": ["USDC"]}),
    (f"USDC received from {WALLET}", {"direction": "out", "symbols": ["USDC"]}),
    (f"transfers of {WALLET}, not the ones it sends", {"direction": "in"}),
    (f"transfers of {WALLET}, what it sends or receives", {}),
    (f"{WALLET}: transfers going out, only USDC", {"direction": "out", "symbols": ["USDC"]}),
    (
      f"skip anything that isn't USDC: transfers to {WALLET}",
      {"direction": "in", "symbols": ["USDC"]},
    ),
    (f"transfers out of {WALLET}, nothing but USDC", {"symbols": ["USDC"], "direction": "out"}),
  ],
)
def test_which_way_a_wallet_moves_is_kept(text, settings):
  (source,) = parse(text, WORDS).spec["sources"].values()
  assert source["with"]["accounts"] == [WALLET]
  told = {key: source["with"][key] for key in ("direction", "symbols") if key in source["with"]}
  assert told == settings


def test_a_rolling_window_after_an_article():
  (volume,) = parse("BTC volume over a rolling 5 minutes", WORDS).delivers
  assert volume["every"] == 300


def test_the_check_sees_what_the_builder_forgets(monkeypatch):
  """Without the check the words above would be lost, so it is what holds them."""
  monkeypatch.setattr("bond_english.parsing.ask_about_unshaped", lambda *_: None)
  assert parse("BTC price depth 20", WORDS).outcome == "ok"
  assert unshaped.CONTENT
