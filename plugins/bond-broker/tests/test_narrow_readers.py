"""Narrow tokens on /stream and /raw: what they are for comes, and nothing else of the log."""

import json
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
import trio
from bond_broker.config import BrokerConfig
from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import Filter, MarketPattern
from bond_broker.protocol.narrowed import narrowed, narrowed_request
from bond_broker.protocol.query import parse_target
from bond_broker.protocol.requests import parse_request
from bond_broker.service import serve
from bond_server.access.narrow import narrow
from bond_server.testing import open_test_server

from bond_core import Bounds, Gap, OrderBook, Ticker, Trade
from bond_core.websockets import open_websocket

CLAIMS = {"symbols": ["BTC/USDT"], "exchanges": ["okx"], "channels": ["trades", "ticker"]}


def bounds(**sets):
  return Bounds(**{name: frozenset(names) for name, names in sets.items()})


def asked(**message):
  return parse_request(json.dumps({"type": "subscribe", **message}).encode())


def test_where_nothing_is_named_all_of_the_token_is_meant():
  request = narrowed_request(asked(), bounds(**CLAIMS))
  matched = request.filter
  assert matched.channels == {"trades", "ticker"}
  assert matched.exchanges == {"okx"}
  assert matched.markets == {MarketPattern("BTC/USDT", "spot")}
  assert [str(market) for market in request.markets] == ["BTC/USDT"]
  whole = narrowed_request(asked(symbols=["ETH/USDT"]), bounds(channels=["trades"]))
  assert whole.filter.markets == {MarketPattern("ETH/USDT")}
  assert narrowed(parse_target("/raw").filter, bounds(channels=["post"])).channels == {"post"}


def test_a_pair_is_its_spot_market_and_a_perpetual_is_named():
  perp = narrowed(asked(symbols=["BTC/USDT:USDT"]).filter, bounds(symbols=["BTC/USDT:USDT"]))
  assert perp.matches("trades", "okx", "BTC/USDT", "perp")
  assert not perp.matches("trades", "okx", "BTC/USDT", "spot")
  spot = narrowed(asked(symbols=["BTC-USDT"]).filter, bounds(symbols=["BTC/USDT"]))
  assert spot.matches("trades", "okx", "BTC/USDT", "spot")
  assert not spot.matches("trades", "okx", "BTC/USDT", "perp")


@pytest.mark.parametrize(
  "message",
  [
    {"symbols": ["ETH/USDT"]},
    {"symbols": ["BTC/USDT", "ETH/USDT"]},
    {"symbols": ["BTC/USDT:USDT"]},
    {"symbols": ["BTCUSDT", "ETHUSDT"]},
    {"symbols": ["DOTUSD"]},
    {"exchanges": ["binance"]},
    {"exchanges": ["okx", "binance"]},
    {"channels": ["orderbook"]},
    {"channels": ["trades", "funding"]},
    {"raw": True},
    {"consolidated": True},
  ],
)
def test_what_the_token_is_not_for_is_refused(message):
  with pytest.raises(BadRequest) as refused:
    narrowed_request(asked(id="a", **message), bounds(**CLAIMS))
  assert (refused.value.name, refused.value.request_id) == ("narrow", "a")


@pytest.mark.parametrize("name", ["symbols", "exchanges", "channels"])
def test_a_token_that_was_narrowed_to_nothing_reads_nothing(name):
  with pytest.raises(BadRequest):
    narrowed(Filter(frozenset(("trades",))), bounds(**{name: []}))


@asynccontextmanager
async def serving():
  async with open_test_server() as server, trio.open_nursery() as nursery:
    # Nothing is subscribed to at a venue: the test says what comes.
    server.demand = None
    server.sources = lambda stream="": {"okx": "live", "binance": "live"}
    server.notices = lambda stream="": [{"exchange": "okx", "reason": "ETH/USDT is halted"}]
    url, *_ = await nursery.start(serve, BrokerConfig(port=0), server)
    yield server, url, server.access.token("market", 600)
    server.stopping.set()


def say(server):
  common = {"symbol": "BTC/USDT", "ts_event": server.clock.now_ms()}
  seen = {"exchange": "okx", "market_type": "spot", **common}
  quote_ = {"bid": 1.0, "ask": 2.0}
  server.log.ring.append(
    [
      Trade(price=1.0, size=1.0, **seen),
      Trade(price=2.0, size=1.0, **{**seen, "market_type": "perp"}),
      Trade(price=3.0, size=1.0, **{**seen, "exchange": "binance"}),
      Trade(price=4.0, size=1.0, **{**seen, "symbol": "ETH/USDT"}),
      OrderBook(bids=[[1.0, 1.0]], asks=[], **seen),
      Gap(exchange="okx", symbol="ETH/USDT", channel="trades", cause="of another"),
      Gap(exchange="binance", symbol="*", channel="*", cause="of another"),
      Gap(exchange="okx", symbol="BTC/USDT", channel="trades", cause="its own"),
      Gap(exchange="okx", symbol="*", channel="*", cause="an outage", streams=["okx:ETH/USDT"]),
      Ticker(**quote_, **seen),
    ]
  )


async def told(url, first=()):
  """All that comes up to the ticker, which is the last."""
  found = []
  async with open_websocket(url) as socket:
    for message in first:
      await socket.send(json.dumps(message).encode())
    with trio.fail_after(60):
      while not found or found[-1]["type"] != "ticker":
        found += [json.loads(bytes(frame)) for frame in await socket.receive()]
  return found


@pytest.mark.parametrize("path", ["/raw", "/stream"])
async def test_a_narrow_reader_is_sent_what_its_token_is_for_and_nothing_else(path):
  async with serving() as (server, url, token):
    say(server)
    small = quote(narrow(token, CLAIMS))
    first = [] if path == "/raw" else [{"type": "subscribe", "from": 0}]
    found = await told(f"{url}{path}?token={small}&from=0", first)
    text = json.dumps(found)
    for hidden in ("binance", "ETH", "of another", "perp"):
      assert hidden not in text
    kinds = [message["type"] for message in found]
    assert (kinds.count("trade"), kinds.count("orderbook")) == (1, 0)
    assert [gap["cause"] for gap in found if gap.get("reason") == "upstream"] == [
      "its own",
      "an outage",
    ]
    whole = await told(f"{url}{path}?token={token}&from=0", first)
    assert "binance" in json.dumps(whole)
    assert "okx:ETH/USDT" in json.dumps(whole)


async def test_a_narrow_reader_is_not_sent_what_others_read_as_it_is_lost():
  async with serving() as (server, url, token):
    found = {}

    async def read(name, given):
      async with open_websocket(f"{url}/raw?token={given}") as socket:
        lines = found[name] = [json.loads(bytes(frame)) for frame in await socket.receive()]
        while lines[-1]["type"] != "ticker":
          lines += [json.loads(bytes(frame)) for frame in await socket.receive()]

    with trio.fail_after(60):
      async with trio.open_nursery() as nursery:
        nursery.start_soon(read, "small", quote(narrow(token, CLAIMS)))
        nursery.start_soon(read, "whole", token)
        while len(found) < 2:
          await trio.sleep(0.01)
        say(server)
    gaps = {
      name: [m for m in lines if m.get("cause") == "an outage"] for name, lines in found.items()
    }
    assert [gap["streams"] for gap in gaps["whole"]] == [["okx:ETH/USDT"]]
    assert [gap.get("streams") for gap in gaps["small"]] == [None]


async def test_it_subscribes_to_no_more_and_steers_nothing():
  async with serving() as (_, url, token):
    small = quote(narrow(token, CLAIMS))
    async with open_websocket(f"{url}/stream?token={small}") as socket:
      for message in (
        {"type": "subscribe", "symbols": ["ETH/USDT"], "id": 1},
        {"type": "unsubscribe", "channels": ["orderbook"], "id": 2},
        {"type": "advance", "to": "end", "id": 3},
      ):
        await socket.send(json.dumps(message).encode())
      errors = []
      with trio.fail_after(60):
        while len(errors) < 3:
          for frame in await socket.receive():
            message = json.loads(bytes(frame))
            errors += [message["name"]] if message["type"] == "error" else []
      assert errors == ["narrow"] * 3


async def test_one_that_names_streams_alone_reads_no_market():
  async with serving() as (_, url, token):
    for claims in ({"streams": ["0" * 16]}, {"streams": ["0" * 16], "symbols": ["BTC/USDT"]}):
      small = quote(narrow(token, claims))
      async with open_websocket(f"{url}/raw?token={small}") as socket:
        with trio.fail_after(60):
          [error] = [json.loads(bytes(frame)) for frame in await socket.receive()]
      assert (error["type"], error["name"]) == ("error", "bad_token")
