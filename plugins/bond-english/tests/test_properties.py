"""What holds of every request: nothing is lost, nothing raises, parts are read as parts."""

import gc
import json
import random
import time

import pytest
from bond_commandkit import summary_of
from bond_english.parsing import MAX_CHARACTERS, parse
from bond_english.reading import spelling
from hypothesis import example, given, settings, strategies as st
from installed import EVERYTHING, WORDS

from bond_core import SpecError
from bond_core.specs import load_spec

OUTCOMES = ("ok", "warn", "ask", "reject")
KNOWN = sorted(spelling.known_words())
SIGNS = (
  *("5s", "$100k", ">", "<", "+", ",", "&", "/", "-", "%", "@bob", "#x", "$BTC", "BTC/USDT", "-5"),
  *("btcusdt", "1m", "10", "0", "1e400", '"', "'", "…", "🚀", "٣", "½", "0x" + "a" * 40, "100k+"),
  *("BTC-PERP", "NEAR", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "BTC", "ETH", "€", "every"),
)

ASSETS = {"BTC": "BTC", "bitcoin": "BTC", "eth": "ETH", "solana": "SOL", "$DOGE": "DOGE"}
KINDS = {
  "price": "price",
  "trades": "trades",
  "volume": "volume",
  "funding rate": "funding",
  "order book": "orderbook",
  "tweets": "tweets",
  "bluesky posts": "bluesky",
  "liquidations": "liquidations",
  "on-chain activity": "onchain",
}
INTERVALS = {
  "every 5s": 5,
  "each second": 1,
  "every 2 minutes": 120,
  "hourly": 3600,
  "10 Hz": 0.1,
  "twice a second": 0.5,
  "every half minute": 30,
  "every 250 ms": 0.25,
  "in real time": 0,
}
VENUES = {"binance": "binance", "OKX": "okx", "Kraken": "kraken", "huobi": "htx"}


def listed(names):
  return st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=3, unique=True)


def unique(names, meanings):
  return list(dict.fromkeys(meanings[name] for name in names))


@st.composite
def requests(draw):
  """A request of parts in one of several orders, and what it means."""
  assets, kinds = draw(listed(ASSETS)), draw(listed(KINDS))
  market = [kind for kind in kinds if KINDS[kind] not in ("tweets", "bluesky", "onchain")]
  venues = draw(listed(VENUES)) if market and draw(st.booleans()) else []
  interval = draw(st.sampled_from([None, *sorted(INTERVALS)]))
  comma, word = draw(st.sampled_from([", ", " + ", " & "])), draw(st.sampled_from([" and ", ", "]))
  what, who = comma.join(kinds), word.join(assets)
  core = draw(st.sampled_from([f"{who} {what}", f"{what} of {who}", f"{what} for {who}"]))
  where = f" on {word.join(venues)}" if venues else ""
  often = f" {interval}" if interval else ""
  tail = draw(st.sampled_from([where + often, often + where]))
  polite = draw(st.sampled_from(["", "please show me ", "I'd like to see the ", "stream "]))
  expected = {
    "symbols": unique(assets, ASSETS),
    "sources": unique(kinds, KINDS),
    "exchanges": unique(venues, VENUES),
    "interval_sec": None if interval is None else INTERVALS[interval],
  }
  return polite + core + tail, expected


@given(requests())
@settings(max_examples=300, deadline=None)
def test_a_request_made_of_parts_is_read_as_these_parts(request):
  text, expected = request
  reading = parse(text, WORDS)
  got = summary_of(reading)
  assert {
    key: sorted(got[key]) if isinstance(got[key], list) else got[key] for key in expected
  } == {key: sorted(value) if isinstance(value, list) else value for key, value in expected.items()}
  assert reading.outcome == "ok", reading.questions
  assert reading.unknown == []
  if not reading.missing:
    spec = load_spec(json.dumps(reading.spec), registry=EVERYTHING)
    written = json.dumps(spec.document)
    assert all(f'"{symbol}' in written or "onchain" in written for symbol in expected["symbols"])


@given(requests(), st.integers(0, 30), st.sampled_from(["zorblax", "QWXZ", "гиперкуб", "xq7"]))
@settings(max_examples=200, deadline=None)
def test_an_unknown_word_anywhere_is_reported_and_stops_the_request(request, place, word):
  parts = request[0].split(" ")
  parts.insert(min(place, len(parts)), word)
  reading = parse(" ".join(parts), WORDS)
  assert word in reading.unknown
  assert reading.outcome == "ask"
  assert any(word in question for question in reading.questions)


@given(requests())
@settings(max_examples=100, deadline=None)
def test_a_word_that_says_nothing_changes_nothing(request):
  text, _ = request
  reading = parse(f"{text} please", WORDS)
  assert summary_of(reading) == summary_of(parse(text, WORDS))
  assert reading.spec == parse(text, WORDS).spec


@given(requests())
@settings(max_examples=100, deadline=None)
def test_what_is_left_out_is_nowhere_in_the_spec(request):
  text, _ = request
  reading = parse(f"{text}, but not google trends", WORDS)
  assert summary_of(reading) == summary_of(parse(text, WORDS))
  assert ("google_trends", "left_out") in {(e["value"], e["slot"]) for e in reading.account}


def whole(text, reading):
  """Asserts what holds of any reading."""
  assert reading.outcome in OUTCOMES
  if reading.outcome in ("ask", "reject"):
    assert reading.questions
  covered = bytearray(len(text))
  for entry in reading.account:
    if entry["start"] is not None:
      covered[entry["start"] : entry["end"]] = b"\1" * (entry["end"] - entry["start"])
  assert [
    c for c, in_account in zip(text, covered, strict=True) if not in_account and not c.isspace()
  ] == []
  unknown = [entry["text"] for entry in reading.account if entry["slot"] == "unknown"]
  assert {*unknown} <= {*reading.unknown}
  if reading.outcome in ("ok", "warn") and not reading.missing:
    try:
      load_spec(json.dumps(reading.spec), registry=EVERYTHING)
    except SpecError as exc:
      # A token that a chain's source does not know is to be described in the spec, only the venue
      # knows what a contract on a dollar coin is settled in, and an address can have a slip.
      said = ("write tokens: ", "settles contracts on USD", "has a checksum, which shows a slip")
      assert all(any(part in problem.message for part in said) for problem in exc.problems)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_accounted_for_and_nothing_raises(text):
  whole(text, parse(text, WORDS))


@example(["blocks", "ecash"], " ")
@example(["linear", "tether"], " ")
@example(["1inch", "1inch", "aave", "aave", "aave", "aave"], "")
@given(st.lists(st.sampled_from([*KNOWN, *SIGNS]), max_size=25), st.sampled_from([" ", ""]))
@settings(max_examples=300, deadline=None)
def test_any_row_of_known_words_is_accounted_for_and_nothing_raises(words, between):
  text = between.join(words)
  whole(text, parse(text, WORDS))


@given(st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_equal_texts_have_equal_readings(text):
  assert parse(text, WORDS) == parse(text, dict(reversed(WORDS.items())))


def soup(chance):
  """A random text: letters of any kind, or known words in any order."""
  choice = chance.random()
  if choice < 0.3:
    spans = (range(32, 127), range(0x20, 0x3000), range(0x1F300, 0x1F700))
    size = chance.randrange(0, 300)
    return "".join(chr(chance.choice(chance.choice(spans))) for _ in range(size))
  if choice < 0.4:
    letters = "btcehsolprice 5s/+-,.$%@#\"' "
    return "".join(chance.choice(letters) for _ in range(chance.randrange(0, 200)))
  words = (chance.choice(KNOWN if chance.random() < 0.6 else SIGNS) for _ in range(40))
  return chance.choice(["", " ", " "]).join(list(words)[: chance.randrange(1, 40)])


def timed(text):
  """The reading of a text, and its processor time in ms. What else this process has in memory is
  not the grammar's to collect."""
  gc.disable()
  begun = time.process_time()
  reading = parse(text, WORDS)
  took = (time.process_time() - begun) * 1000
  gc.enable()
  return reading, took


def slowest(count, seed):
  """The processor time in ms of each of so many random texts."""
  chance = random.Random(seed)
  parse("warm up", WORDS)
  times = []
  for _ in range(count):
    text = soup(chance)
    reading, took = timed(text)
    times.append(took)
    whole(text, reading)
  return sorted(times)


def test_some_random_texts_are_read_in_time():
  times = slowest(500, seed=1)
  assert times[len(times) // 2] < 5
  assert times[-1] < 50


@pytest.mark.slow
def test_a_hundred_thousand_random_texts_are_read_in_time():
  times = slowest(100_000, seed=2)
  assert times[len(times) // 2] < 5
  assert times[-1] < 50


@pytest.mark.parametrize(
  "unit", ["btc ", "every 5s ", "price of ", "1m usd ", "not ", "a/b ", '"', "-"]
)
def test_the_longest_texts_are_read_in_time(unit):
  text = (unit * MAX_CHARACTERS)[:MAX_CHARACTERS]
  parse("warm up", WORDS)
  reading, took = timed(text)
  assert took < 50
  whole(text, reading)
