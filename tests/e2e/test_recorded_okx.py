"""Recorded frames of OKX over real sockets: the simulator plays them, `bond run` shows them.

They are of 2022: books have no sequence numbers yet, so the checksum alone proves a chain, and a
snapshot for who joins in the middle has one of its own.
"""

import gzip
import json
import re
import zlib

import trio
from shared_fixtures import shared_fixture
from venue import apply, bond_run, recorded, simulator

FRAMES, LISTING = "captures/OKX.ws.1.0.gz", "captures/OKX.0.gz"
MARKETS = {
  "BTC/USDT": "BTC-USDT",
  "BTC/USD:BTC-220527": "BTC-USD-220527",
  "UNI/USD:UNI": "UNI-USD-SWAP",
}
SPEC = """
sources:
  trades: {{use: okx.trades, with: {{symbols: {symbols}, endpoint: "{url}"}}}}
  books: {{use: okx.orderbook, with: {{symbols: {symbols}, endpoint: "{url}", deltas: true}}}}
sinks:
  out: {{use: core.print, from: [trades, books]}}
"""
FAULTS = {
  "": [],
  "gap": ["--fault", "gap:2/books BTC-USDT@30f"],
  "drop": ["--fault", "drop@150f"],
}


def messages(channel):
  with gzip.open(recorded(FRAMES), "rt") as file:
    for line in file:
      if found := re.fullmatch(r"[\d.]+: (\{.*\})", line.rstrip()):
        message = json.loads(found[1])
        if "data" in message and message["arg"]["channel"] == channel:
          yield message["arg"]["instId"], message


def books(symbol):
  """Every state that the recording's book went through: {(time, checksum) told by the venue: (bids,
  asks)} in texts."""
  states, sides = {}, ({}, {})
  for name, message in messages("books"):
    if name != symbol:
      continue
    [data] = message["data"]
    if message["action"] == "snapshot":
      sides = ({}, {})
    for side, rows in zip(sides, (data["bids"], data["asks"]), strict=True):
      for price, size, *_ in rows:
        side[price] = size
        if float(size) == 0:
          del side[price]
    states[int(data["ts"]), data["checksum"]] = tuple(dict(side) for side in sides)
  return states


def crc(bids, asks):
  best = sorted(bids.items(), key=lambda row: -float(row[0]))[:25]
  last = sorted(asks.items(), key=lambda row: float(row[0]))[:25]
  rows = [row for pair in zip(best, last, strict=True) for row in pair]
  value = zlib.crc32(":".join(":".join(row) for row in rows).encode())
  return value - (1 << 32) if value >= 1 << 31 else value


@shared_fixture("module")
def runs(tmp_path_factory):
  """What `bond run` showed under each fault; all play at once. `bond run` subscribes to spot before
  it has read the list of contracts: on a busy machine that is seconds later."""
  captures = [part for name in (FRAMES, LISTING) for part in ("--capture", recorded(name))]
  folder, found = tmp_path_factory.mktemp("okx"), {}

  async def one(fault, options):
    async with simulator(
      *captures, "--speed", "8", "--settle", "6", *options, venue="okx"
    ) as venue:
      spec = SPEC.format(symbols=json.dumps(list(MARKETS)), url=venue.endpoint)
      found[fault] = await bond_run(spec, folder, "-v", name=f"f{fault}", until=venue.finished)

  async def all_of_them():
    async with trio.open_nursery() as nursery:
      for fault, options in FAULTS.items():
        nursery.start_soon(one, fault, options)

  trio.run(all_of_them)
  return found


@shared_fixture("function", params=FAULTS)
def run(request, runs):
  return request.param, runs[request.param]


def test_the_independent_book_is_what_the_venue_says():
  for symbol in MARKETS.values():
    assert all(crc(*sides) == told for (_, told), sides in books(symbol).items())


def test_each_trade_comes_once_and_in_order_or_is_declared(run):
  fault, ran = run
  assert ran.code == 0, ran.errors
  for symbol, name in MARKETS.items():
    sent = [row["tradeId"] for at, m in messages("trades") if at == name for row in m["data"]]
    got = [e["trade_id"] for e in ran.of("trade", symbol=symbol.partition(":")[0]) if of(e, symbol)]
    if fault == "drop":
      assert set(got) <= set(sent)
      assert ran.of("gap")
    else:
      assert got == sent


def test_each_book_is_one_that_the_venue_had_and_the_last_is_the_last(run):
  fault, ran = run
  resets = {}
  for symbol, name in MARKETS.items():
    states = books(name)
    book, told, compared = ({}, {}), [], 0
    for event in ran.of("orderbook", symbol=symbol.partition(":")[0]):
      if not of(event, symbol):
        continue
      book = apply(book, event)
      told.append(event)
      if (state := states.get((event["ts_exchange"], event["checksum"]))) is not None:
        assert_equal(symbol, book, state)
        compared += 1
    assert compared > 40
    assert_equal(symbol, book, list(states.values())[-1])
    resets[symbol] = sum(event["is_reset"] is True for event in told)
  again = {"": [], "gap": ["BTC/USDT"], "drop": list(MARKETS)}[fault]
  assert [symbol for symbol, count in resets.items() if count > 1] == again


def assert_equal(symbol, book, texts):
  """Sizes of contracts are told in the base, the recording has numbers of contracts."""
  for ours, theirs in zip(book, texts, strict=True):
    if symbol == "BTC/USDT":
      assert ours == {float(price): float(size) for price, size in theirs.items()}
    else:
      assert ours.keys() == {float(price) for price in theirs}


def of(event, symbol):
  """Whether an event is of this market, and not of another of the same pair."""
  kind = "spot" if ":" not in symbol else "future" if "-" in symbol else "perp"
  return event["market_type"] == kind
