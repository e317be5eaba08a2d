"""Each fault of the simulated venue, injected while a recording plays: what was lost is declared,
nothing is doubled, the book is right again, and the venue's limits are kept.

Several runs go at once, since each mostly waits; what each left behind is judged on its own.
"""

import gzip
import json

import pytest
import trio
from shared_fixtures import shared_fixture
from test_recorded_market import naive_book
from venue import apply, bond_run, recorded, simulator

CAPTURE = "binance-2024/spot_btcusdt_20240808.gz"
# Two of its six minutes, which take 6 s; 30 s for what is found out only after 10 s, and 15 s for
# what may keep a client waiting longer than 6.
MINUTES = 2
USUAL = "20"
LONG = {"silence": "4", "half-open": "4", "refuse": "8"}
AT_ONCE = 7

FAULTS = {
  "silence": "silence:60s@4s",
  "half-open": "half-open@4s",
  "drop": "drop@2s",
  "rst": "rst@2s",
  "close-24h": "close-24h:3s@2s",
  "refuse": "refuse:2s@2s",
  "gap": "gap:5@2000f",
  "duplicate": "duplicate:20@2000f",
  "disorder": "disorder:20@2000f",
  "corrupt": "corrupt:4@2000f",
  "429": "429:3s@0s",
  "418": "418:3s@0s",
  "5xx": "5xx:3s@0s",
  "slow": "slow:200ms@2s",
}

SPEC = """
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
  book:
    use: binance.orderbook
    with: {{symbols: [BTC/USDT], endpoint: "{url}", deltas: true}}
sinks:
  out: {{use: core.print, from: [trades, book]}}
"""


class Outcome:
  def __init__(self, ran, stats, faults):
    self.ran = ran
    self.stats = stats
    self.faults = faults


def beginning(path, to):
  """A recording's first minutes, as a recording."""
  with gzip.open(path, "rb") as whole, gzip.open(to, "wb", compresslevel=1) as part:
    until = None
    for line in whole:
      received = int(line.partition(b" ")[0])
      until = until or received + MINUTES * 60 * 10**9
      if received > until:
        break
      part.write(line)
  return str(to)


@shared_fixture("module")
def outcomes(tmp_path_factory):
  """What each fault led to."""
  folder = tmp_path_factory.mktemp("faults")
  capture = beginning(recorded(CAPTURE), folder / "beginning.gz")
  found = {}

  async def one(name, fault):
    speed = LONG.get(name, USUAL)
    async with simulator("--capture", capture, "--speed", speed, "--fault", fault) as venue:
      spec = SPEC.format(url=venue.endpoint)
      ran = await bond_run(spec, folder, "-v", name=name, until=venue.finished)
      stats = await trio.to_thread.run_sync(venue.control, "stats")
      faults = await trio.to_thread.run_sync(venue.control, "faults")
      found[name] = Outcome(ran, stats, faults)

  async def everything():
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def limited(name, fault):
      async with limiter:
        await one(name, fault)

    async with trio.open_nursery() as nursery:
      for name, fault in FAULTS.items():
        nursery.start_soon(limited, name, fault)

  trio.run(everything)
  return found


@shared_fixture("module")
def all_ids():
  with gzip.open(recorded(CAPTURE), "rt") as file:
    messages = (json.loads(line.partition(" ")[2]) for line in file if "@trade" in line)
    return [m["data"]["t"] for m in messages]


def outages(outcome):
  return [g for g in outcome.ran.of("gap") if g["channel"] == "*"]


@pytest.mark.parametrize("name", FAULTS)
def test_trades_are_neither_doubled_nor_lost_beyond_what_is_declared(name, outcomes, all_ids):
  ran = outcomes[name].ran
  assert ran.code == 0, ran.errors
  ids, declared_since = [], []
  for event in ran.events:
    if event["type"] == "gap" and event["channel"] in ("*", "trades"):
      declared_since.append(event)
    elif event["type"] == "trade":
      number = int(event["trade_id"])
      if ids:
        assert number > ids[-1], "doubled or out of order"
        if number > ids[-1] + 1:
          assert declared_since, f"{ids[-1]} to {number} was lost in silence"
          told = declared_since[-1]
          if told["channel"] == "trades":
            assert (told["venue_from"], told["venue_to"]) == (ids[-1] + 1, number - 1)
      declared_since = []
      ids.append(number)
  assert set(ids) <= set(all_ids)
  assert len(ids) > 500


@pytest.mark.parametrize("name", FAULTS)
def test_the_book_is_right_again_after_it(name, outcomes):
  ran = outcomes[name].ran
  book, sequence, chain = None, None, False
  for event in ran.events:
    if event["type"] == "gap" and event["channel"] in ("*", "orderbook"):
      chain = False
    elif event["type"] == "orderbook":
      if event["update_type"] == "snapshot":
        assert event["is_reset"]
        chain = True
      else:
        assert chain, "a delta before its snapshot"
        assert event["prev_sequence"] == sequence
      book, sequence = apply(book, event), event["sequence"]
  assert chain, "the book did not come back"
  naive = naive_book(recorded(CAPTURE), sequence)
  # The venue's snapshot holds its best 1000 levels, so what lies deeper is unknown after a resync.
  for ours, theirs, worst_first in zip(book, naive, (False, True), strict=True):
    best = sorted(theirs, reverse=not worst_first)[:200]
    assert sorted(ours, reverse=not worst_first)[:200] == best
    assert all(ours[price] == theirs[price] for price in best)


@pytest.mark.parametrize("name", ["drop", "rst", "silence", "half-open"])
def test_an_outage_is_one_gap_with_range_and_cause(name, outcomes):
  found = outages(outcomes[name])
  ended = {"silence": "stale", "half-open": "half-open"}
  # When the recording is over the market is silent for good, which is no outage.
  assert len(found) == 1
  gap = found[0]
  assert gap["reason"] == "upstream"
  assert 0 < gap["ts_to"] - gap["ts_from"] < 22_000
  assert gap["streams"] == ["trades of binance BTC/USDT spot", "orderbook of binance BTC/USDT spot"]
  assert ended.get(name, "") in gap["cause"]
  assert gap["cause"]


def test_a_planned_close_costs_nothing(outcomes):
  outcome = outcomes["close-24h"]
  assert outcome.ran.of("gap") == []


@pytest.mark.parametrize("name", ["duplicate", "disorder", "slow"])
def test_what_loses_nothing_declares_nothing(name, outcomes, all_ids):
  ran = outcomes[name].ran
  # Swapped book updates break a chain; swapped trades are put in order again.
  channels = {"*", "trades"} if name == "disorder" else {"*", "trades", "orderbook"}
  gaps = [g for g in ran.of("gap") if g["channel"] in channels]
  assert gaps == []
  ids = [int(e["trade_id"]) for e in ran.of("trade")]
  assert ids == all_ids[: len(ids)]


def test_missing_frames_are_declared_with_the_venues_numbers(outcomes):
  gaps = [g for g in outcomes["gap"].ran.of("gap") if g["channel"] in ("trades", "orderbook")]
  assert gaps
  for gap in gaps:
    assert gap["symbol"] == "BTC/USDT"
    assert gap["venue_from"] <= gap["venue_to"]
    if gap["channel"] == "trades":
      assert gap["missed"] == gap["venue_to"] - gap["venue_from"] + 1


@pytest.mark.parametrize("name", ["429", "418", "5xx"])
def test_a_refusal_is_a_sentence_and_is_waited_out(name, outcomes):
  errors = outcomes[name].ran.errors
  assert {"5xx": "maintenance"}.get(name, f"HTTP {name}") in errors
  assert "trying again in" in errors


@pytest.mark.parametrize("name", FAULTS)
def test_the_venues_limits_are_kept(name, outcomes):
  stats = outcomes[name].stats
  attempts = stats["attempts"]
  assert len(attempts) <= 30
  assert all(c["max_messages_per_second"] <= 5 for c in stats["connections"])
