"""Consolidated books, as clients see them on real sockets."""

import pytest
import trio
from readers import connected, serving

from bond_core import Gap, OrderBook

REQUEST = {"channels": ["orderbook"], "exchange": "*", "consolidated": True, "speed_ms": 1}


def book(venue, sequence, bids=(), asks=(), *, prev=None, market_type="spot"):
  return OrderBook(
    exchange=venue,
    symbol="BTC/USDT",
    market_type=market_type,
    ts_event=sequence,
    bids=list(bids),
    asks=list(asks),
    update_type="snapshot" if prev is None else "delta",
    sequence=sequence,
    prev_sequence=prev,
  )


def of_all(message):
  return message["type"] == "orderbook" and message["exchange"] == "*"


async def next_view(reader, fits=lambda view: True):
  return await reader.until(lambda m: of_all(m) and fits(m))


async def test_one_book_comes_with_each_levels_venues_and_a_bbo():
  async with serving() as broker, connected(broker) as reader:
    ack = await reader.subscribe(**REQUEST)
    assert ack["type"] == "system"
    broker.log.ring.append([book("a", 1, [(100.0, 1.0)], [(101.0, 1.0)])])
    broker.log.ring.append([book("b", 1, [(100.0, 0.5)], [(100.5, 2.0)])])
    view = await next_view(reader, lambda view: len(view["venues"]) == 2)
    assert view["bids"] == [[100.0, 1.5, {"a": 1.0, "b": 0.5}]]
    assert view["bbo"]["ask_venues"] == ["b"]
    assert view["bbo"]["state"] == "open"
    broker.log.ring.append([book("a", 2, [(100.5, 3.0)], prev=1)])
    view = await next_view(reader, lambda view: view["bbo"]["state"] == "locked")
    assert sorted(view["bbo"]["blamed"]) == ["a", "b"]
    assert [m for m in reader.messages + reader.before if m.get("exchange") in ("a", "b")] == []


async def test_readers_of_different_depths_all_have_the_first_book_of_a_market():
  async with serving() as broker, connected(broker) as deep, connected(broker) as shallow:
    await deep.subscribe(**REQUEST)
    await shallow.subscribe(**REQUEST, depth=1)
    broker.log.ring.append([book("a", 1, [(100.0, 1.0), (99.0, 1.0)])])
    assert len((await next_view(deep))["bids"]) == 2
    assert len((await next_view(shallow))["bids"]) == 1


async def test_a_later_reader_receives_what_the_venues_sent_before():
  async with serving() as broker, connected(broker) as first, connected(broker) as second:
    await first.subscribe(["orderbook"])
    broker.log.ring.append([book("a", 1, [(100.0, 1.0)])])
    await first.until(lambda m: m["type"] == "orderbook")
    await second.subscribe(**REQUEST)
    broker.log.ring.append([book("b", 1, [(99.0, 1.0)])])
    view = await next_view(second)
    assert [level[0] for level in view["bids"]] == [100.0, 99.0]


async def test_a_later_reader_is_shown_no_book_that_is_in_doubt():
  async with serving() as broker, connected(broker) as first, connected(broker) as second:
    await first.subscribe(["orderbook"])
    broker.log.ring.append([book("a", 1, [(100.0, 1.0)])])
    broker.log.ring.append([Gap(exchange="a", symbol="*", channel="*", cause="a cut")])
    await first.until(lambda m: m["type"] == "gap")
    await second.subscribe(**REQUEST)
    broker.log.ring.append([book("b", 1, [(99.0, 1.0)])])
    view = await next_view(second)
    assert [level[0] for level in view["bids"]] == [99.0]
    # A delta that goes on with what was there shows that nothing is missing.
    broker.log.ring.append([book("a", 2, [(98.0, 1.0)], prev=1)])
    view = await next_view(second, lambda view: len(view["venues"]) == 2)
    assert [level[0] for level in view["bids"]] == [100.0, 99.0, 98.0]


async def test_spot_and_perpetuals_stay_apart():
  async with serving() as broker, connected(broker) as reader:
    await reader.subscribe(**REQUEST)
    broker.log.ring.append(
      [book("a", 1, [(100.0, 1.0)]), book("a", 1, [(101.0, 1.0)], market_type="perp")]
    )
    views = [await next_view(reader), await next_view(reader)]
    assert {(v["market_type"], v["bbo"]["bid"]) for v in views} == {
      ("spot", 100.0),
      ("perp", 101.0),
    }


async def test_one_connection_can_have_the_venues_books_and_the_one_of_all():
  async with serving() as broker, connected(broker) as reader:
    await reader.subscribe(**REQUEST, id="all")
    await reader.subscribe(["orderbook"], exchanges=["a"], speed_ms=1, id="own")
    broker.log.ring.append([book("a", 1, [(100.0, 1.0)]), book("b", 1, [(99.0, 1.0)])])
    await next_view(reader, lambda view: len(view["venues"]) == 2)
    own = [m for m in reader.before + reader.messages if m["type"] == "orderbook" and not of_all(m)]
    if not own:
      own = [await reader.until(lambda m: m["type"] == "orderbook" and not of_all(m))]
    assert {m["exchange"] for m in own} == {"a"}


async def test_a_gap_is_sent_and_takes_its_venue_out():
  async with serving() as broker, connected(broker) as reader:
    await reader.subscribe(**REQUEST)
    broker.log.ring.append([book("a", 1, [(100.0, 1.0)]), book("b", 1, [(99.0, 1.0)])])
    await next_view(reader, lambda view: len(view["venues"]) == 2)
    loss = Gap(channel="orderbook", exchange="a", symbol="BTC/USDT", market_type="spot")
    broker.log.ring.append([loss])
    view = await next_view(reader, lambda view: view["venues"]["a"]["state"] == "broken")
    assert view["bids"] == [[99.0, 1.0, {"b": 1.0}]]
    assert any(m["type"] == "gap" for m in reader.before + reader.messages)


async def test_a_venue_that_is_quiet_for_half_a_minute_ages_out(autojump_clock):
  # In memory: an autojump clock and real sockets do not go together.
  from bond_broker.delivery.groups import Group
  from bond_broker.delivery.market import MarketRouter
  from bond_broker.delivery.traffic import Traffic
  from bond_broker.protocol.requests import parse_request
  from bond_broker.protocol.selection import Selection

  from bond_core._logs.engine import Record

  router = MarketRouter(Traffic())
  request = parse_request(
    b'{"type":"subscribe","channels":["orderbook"],"consolidated":true,"speed_ms":1}'
  )
  group = Group(Selection((request.filter,)))
  router.add(group)
  router.sort(Record(1, 0, [book("a", 1, [(100.0, 1.0)])]))
  await trio.sleep(20)
  router.sort(Record(2, 0, [book("b", 1, [(99.0, 1.0)])]))
  assert router.next_due() == pytest.approx(30, abs=0.01)
  group.pending.clear()
  await trio.sleep_until(30)
  assert router.sort_due() == [group]
  [frame] = group.pending
  assert b'"bids":[[99.0,1.0,{"b":1.0}]]' in frame
  assert router.next_due() == pytest.approx(50, abs=0.01)


@pytest.mark.parametrize("more", [{"deltas": True}, {"exchange": "a"}])
async def test_what_a_consolidated_book_cannot_be_is_refused_with_a_sentence(more):
  async with serving() as broker, connected(broker) as reader:
    refused = await reader.subscribe(**{**REQUEST, **more})
    assert refused["type"] == "error"
    assert refused["name"] == "not_offered"
    assert "leave exchange and deltas out" in refused["message"]
