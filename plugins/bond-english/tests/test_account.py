"""The account: every piece of a request is in it, and what is not said is a default."""

import pytest
from bond_english.parsing import parse
from installed import WORDS


def entries(text, slot):
  return [entry for entry in parse(text, WORDS).account if entry["slot"] == slot]


def test_it_says_how_a_word_is_known():
  account = parse("xbt pirce every 5s", WORDS).account
  how = {entry["text"]: (entry["slot"], entry["value"], entry["how"]) for entry in account}
  assert how["xbt"] == ("symbol", "BTC", "alias")
  assert how["pirce"] == ("source", "price", "corrected")
  assert how["every 5s"] == ("interval", 5.0, "exact")


def test_what_was_not_said_is_a_default():
  defaults = {
    entry["slot"]: entry["value"]
    for entry in parse("BTC price", WORDS).account
    if entry["how"] == "default"
  }
  assert defaults == {"exchange": "binance", "quote": "USDT", "interval": 5}


def test_an_assumed_kind_of_data_is_in_the_account():
  assert [(e["value"], e["how"]) for e in entries("BTC every 5s", "source")] == [
    ("price", "assumed")
  ]


def test_what_is_left_out_is_in_the_account():
  (entry,) = entries("BTC price, not tweets", "left_out")
  assert (entry["text"], entry["value"]) == ("tweets", "tweets")


@pytest.mark.parametrize(
  ("text", "part"),
  [
    (
      "BTC price + tweets every 5s",
      "Price, BTC/USDT, binance spot, a row every 5 s; number of tweets, BTC",
    ),
    (
      "USDT transfers on ethereum + BTC price",
      "USDT, ethereum, transfers; price, BTC/USDT, binance spot",
    ),
    ("btc pirce", "Corrected: pirce → price."),
    ("BTC trades over $1m", "worth ≥ $1,000,000."),
    ("BTC price", "Not said, and so: quote USDT, binance, every 5 s."),
    ("ETH trades", "every event as it comes."),
    ("BTC vs ETH price", "'vs' is taken for a comparison"),
    ("twitter sentiment for BTC", "Nothing installed computes sentiment; the posts themselves"),
    ("replay BTC trades from the last 5 minutes then go live", "from=now-300s"),
  ],
)
def test_the_sentence_says_it(text, part):
  assert part in parse(text, WORDS).sentence


def test_a_text_of_another_length_is_refused_as_a_whole():
  reading = parse("btc " * 400, WORDS)
  assert reading.outcome == "reject"
  assert "up to" in reading.questions[0]
  assert (reading.account[0]["start"], reading.account[0]["end"]) == (0, 1600)
