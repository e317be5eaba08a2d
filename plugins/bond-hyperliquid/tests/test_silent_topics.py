"""A topic that falls silent while others talk: what is learned of it, and what a look finds."""

import pytest
from bond_hyperliquid import config

from bond_core import Gap
from bond_core.feeds import Expire

NOW = 1_790_000_000_000


def trade(number, time):
  row = {"coin": "BTC", "side": "A", "px": "84143.0", "sz": "0.1", "time": time, "hash": "0x7a"}
  return row | {"tid": number, "users": ["0x1", "0x2"]}


def level(price):
  return {"px": str(price), "sz": "1.0", "n": 3}


def both(venue):
  sources = config.Trades(symbols=["BTC"]), config.Books(symbols=["BTC"])
  return venue(*sources)


def talk(hyperliquid, seconds, every=1, on=1, trades=True):
  """A book each second, and every so often a trade; the events."""
  events = []
  for second in range(seconds):
    now = hyperliquid.now_ms
    book = {"coin": "BTC", "time": now, "levels": [[level(1)], [level(2)]]}
    for connection in (on,) if isinstance(on, int) else on:
      events += hyperliquid.say("l2Book", book, connection)
    if trades and second % every == 0:
      events += hyperliquid.say("trades", [trade(now, now)], on)
    events += hyperliquid.later(1)
  return events


def looks(hyperliquid):
  return hyperliquid.take(Expire)


def gaps(events):
  return [event for event in events if isinstance(event, Gap)]


def test_a_topic_that_the_next_connection_brings_had_died(venue):
  hyperliquid = both(venue)
  talk(hyperliquid, 30)
  assert gaps(talk(hyperliquid, 28, trades=False)) == []
  assert looks(hyperliquid) == []
  last = NOW + 29_000
  talk(hyperliquid, 4, trades=False)
  [look] = looks(hyperliquid)
  assert "trades of hyperliquid BTC/USDC perp is silent" in look.reason
  hyperliquid.open(2, overlap=True)
  # What a new connection says first is how things stand.
  hyperliquid.say("trades", [trade(last, last)], 2)
  assert gaps(talk(hyperliquid, 2, on=(1, 2), trades=False)) == []
  now = hyperliquid.now_ms
  hyperliquid.say("trades", [trade(now, now)], 2)
  # The old one may bring it a moment later.
  assert gaps(hyperliquid.later(1)) == []
  [gap] = gaps(hyperliquid.later(2))
  assert (gap.channel, gap.ts_from, gap.streams) == (
    "trades",
    last,
    ["trades of hyperliquid BTC/USDC perp"],
  )
  hyperliquid.close(1)
  assert gaps(talk(hyperliquid, 90, on=2)) == []
  assert looks(hyperliquid) == []


@pytest.mark.parametrize("heard", ["on both", "on both, on the new one first", "on neither"])
def test_a_silence_of_the_market_is_normal_from_then_on(venue, heard):
  hyperliquid = both(venue)
  talk(hyperliquid, 30)
  talk(hyperliquid, 32, trades=False)
  assert len(looks(hyperliquid)) == 1
  hyperliquid.open(2, overlap=True)
  told = talk(hyperliquid, 3, on=(1, 2), trades=False)
  if heard != "on neither":
    for connection in (1, 2) if heard == "on both" else (2, 1):
      told += hyperliquid.say("trades", [trade(1, NOW + 65_000)], connection)
  told += talk(hyperliquid, 2, on=(1, 2), trades=False)
  hyperliquid.close(1)
  assert gaps(told + talk(hyperliquid, 200, on=2, trades=False)) == []
  assert looks(hyperliquid) == []
  talk(hyperliquid, 120, on=2, trades=False)
  assert len(looks(hyperliquid)) == 1


@pytest.mark.parametrize(("after", "dead"), [(1, True), (9, False)])
def test_what_comes_when_the_old_connection_has_gone_had_died_where_it_is_back_in_its_rhythm(
  venue, after, dead
):
  hyperliquid = both(venue)
  talk(hyperliquid, 90, every=3)
  talk(hyperliquid, 40, trades=False)
  assert len(looks(hyperliquid)) == 1
  hyperliquid.open(2, overlap=True)
  talk(hyperliquid, 5, on=(1, 2), trades=False)
  hyperliquid.close(1)
  talk(hyperliquid, after, on=2, trades=False)
  now = hyperliquid.now_ms
  hyperliquid.say("trades", [trade(now, now)], 2)
  assert len(gaps(talk(hyperliquid, 60, on=2, every=3))) == dead


def test_where_all_are_silent_the_topics_are_not_looked_into(venue):
  hyperliquid = both(venue)
  talk(hyperliquid, 30)
  assert gaps(hyperliquid.later(300)) == []
  assert looks(hyperliquid) == []


def test_a_topic_that_is_rarely_heard_is_left_alone(venue):
  hyperliquid = both(venue)
  talk(hyperliquid, 200, every=20)
  talk(hyperliquid, 300, trades=False)
  assert looks(hyperliquid) == []


def test_a_topic_that_is_confirmed_and_never_comes_is_looked_into(venue):
  """As several streams of a venue were for half a day, where only new connections were served."""
  hyperliquid = both(venue)
  talk(hyperliquid, 890, trades=False)
  assert looks(hyperliquid) == []
  talk(hyperliquid, 12, trades=False)
  assert len(looks(hyperliquid)) == 1
  hyperliquid.open(2, overlap=True)
  talk(hyperliquid, 2, on=(1, 2), trades=False)
  now = hyperliquid.now_ms
  hyperliquid.say("trades", [trade(now, now)], 2)
  [gap] = gaps(hyperliquid.later(3))
  assert (gap.channel, gap.ts_from) == ("trades", NOW)


def test_an_outage_ends_a_look(venue):
  hyperliquid = both(venue)
  talk(hyperliquid, 30)
  talk(hyperliquid, 32, trades=False)
  assert len(looks(hyperliquid)) == 1
  hyperliquid.close(1)
  hyperliquid.open(2)
  assert gaps(talk(hyperliquid, 40, on=2)) == []
