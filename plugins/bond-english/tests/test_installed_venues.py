"""What can be had comes from the registry: venues of anybody's plugin, and those that ccxt has."""

import pytest
from bond_commandkit import TextToSpec, source_words
from bond_english.parsing import parse
from installed import WORDS, registry

from bond_core import Registry

ACME = {
  "acme": "acme.trades",
  "acme trades": "acme.trades",
  "acme order book": "acme.orderbook",
  "acme funding": "acme.funding",
}
ANY_VENUE = {"kraken": "ccxt.trades", "zonda": "ccxt.trades", "gate": "ccxt.trades"}


def sources(text, words):
  return parse(text, words).spec["sources"]


@pytest.mark.parametrize("text", ["BTC trades on acme", "acme BTC trades", "Acme: BTC trades"])
def test_a_venue_of_anybodys_plugin_is_a_venue(text):
  reading = parse(text, {**WORDS, **ACME})
  assert reading.outcome == "ok"
  assert reading.missing == []
  assert reading.spec["sources"] == {
    "acme-trades": {"use": "acme.trades", "with": {"symbols": ["BTC/USDT"]}}
  }


def test_it_is_one_of_all_exchanges_for_what_it_has():
  words = {**WORDS, **ACME}
  assert "acme-trades" in sources("BTC trades on all exchanges", words)
  assert "acme-open-interest" not in sources("BTC open interest on all exchanges", words)


def test_what_it_does_not_have_is_said():
  (missing,) = parse("BTC liquidations on acme", {**WORDS, **ACME}).missing
  assert missing == "liquidations on acme: no package is known that offers this"


def test_the_venues_of_ccxt_are_those_that_it_says():
  words = {**ANY_VENUE, "ccxt.orderbook": "ccxt.orderbook"}
  assert sources("BTC order book on zonda", words) == {
    "zonda-orderbook": {
      "use": "ccxt.orderbook",
      "with": {"exchange": "zonda", "symbols": ["BTC/USDT"]},
    }
  }
  assert "no package is known" in parse("BTC trades on yobit", words).missing[0]


def test_a_venue_that_is_an_english_word_needs_a_place():
  assert parse("BTC trades on gate", ANY_VENUE).missing == []
  assert parse("gate BTC trades", {}).outcome == "ask"


def test_with_everything_installed_every_venue_of_ccxt_can_start():
  from bond_ccxt.exchanges import exchange_ids

  everything = Registry()
  reader = TextToSpec(everything)
  names = sorted(exchange_ids())
  assert len(names) > 90
  for name in names:
    answer = reader.read(f"BTC/USD trades on {name}")
    assert answer.understood()["can_start"], (name, answer.problems)


def test_the_words_of_ccxt_take_no_venue_away_from_its_own_plugin():
  words = source_words(registry("binance", "okx", "bybit", "ccxt")) | ANY_VENUE
  words |= dict.fromkeys(("binance", "okx", "bybit"), "ccxt.trades")
  for venue in ("binance", "okx", "bybit"):
    assert sources(f"BTC trades on {venue}", words)[f"{venue}-trades"]["use"] == f"{venue}.trades"


def test_a_venue_says_which_of_its_markets_is_meant():
  words = {"toyex": "toyex.trades", "toyex perps in USDC": "toyex.trades"}
  for text, symbol in [("trades", "BTC/USDC:USDC"), ("spot trades", "BTC/USDC")]:
    spec = parse(f"BTC {text} on toyex", words).spec
    assert spec["sources"]["toyex-trades"]["with"]["symbols"] == [symbol]
  spec = parse("BTC trades on toyex", {"toyex": "toyex.trades"}).spec
  assert spec["sources"]["toyex-trades"]["with"]["symbols"] == ["BTC/USDT"]
