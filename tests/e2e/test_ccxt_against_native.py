"""The same simulated venue through the native feed and through ccxt.pro at once: equal trades, and
equal books wherever both saw the same update."""

import json
from datetime import date, timedelta

import msgspec
import pytest
import trio
from bond_sim.market.products import quarter_ends
from venue import simulator

from bond_core import Registry, load_spec, run
from bond_core._books.book import Book
from bond_core._events import Gap, OrderBook, Trade, decode

LEVELS = 20
ENOUGH = 25
WITHIN = 60
# What a venue tells of a trade, and so what two ways to it must agree on.
TOLD = (
  "exchange",
  "market_type",
  "symbol",
  "expiry",
  "price",
  "size",
  "side",
  "maker",
  "trade_id",
  "ts_exchange",
)

SPEC = """
sources:
  native-trades: {{use: {venue}.trades, with: {{symbols: {symbols}, endpoint: "{url}"}}}}
  native-books:
    use: {venue}.orderbook
    with: {{symbols: {symbols}, endpoint: "{url}", deltas: true}}
  ccxt-trades:
    use: ccxt.trades
    with: {{exchange: {venue}, symbols: {symbols}, endpoint: "{url}", mode: stream}}
  ccxt-books:
    use: ccxt.orderbook
    with:
      exchange: {venue}
      symbols: {symbols}
      endpoint: "{url}"
      mode: stream
      depth: 20
      speed_ms: 0
sinks:
  a: {{use: core.jsonl, from: native-trades, with: {{path: "{folder}/native-trades"}}}}
  b: {{use: core.jsonl, from: native-books, with: {{path: "{folder}/native-books"}}}}
  c: {{use: core.jsonl, from: ccxt-trades, with: {{path: "{folder}/ccxt-trades"}}}}
  d: {{use: core.jsonl, from: ccxt-books, with: {{path: "{folder}/ccxt-books"}}}}
"""

QUARTER = next(quarter_ends(date.today() + timedelta(days=1)))
"""A day of delivery that is also tomorrow's."""
VENUES = {
  "binance": ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"],
  "binance coin-m": ["BTC/USD:BTC", "ETH/USD:ETH", f"BTC/USD:BTC-{QUARTER:%y%m%d}"],
  "okx": ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"],
  "bybit": ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"],
  "coinbase": ["BTC/USD", "ETH/USD", "SOL/USD"],
  "hyperliquid": ["PURR/USDC", "BTC/USDC:USDC", "XYZ-TSLA/USDC:USDC"],
}
BY_TIME = ("bybit", "coinbase", "hyperliquid")
"""Venues whose books have no numbers that both ways see."""


def enough_books(exchange):
  """How many states of a book both ways have to have seen; at one time they do so now and then."""
  return 4 if exchange in BY_TIME else ENOUGH - 10


def read(path):
  found = []
  text = path.read_bytes()
  for line in text[: text.rfind(b"\n") + 1].splitlines():
    try:
      found.append(decode(line))
    except msgspec.ValidationError:
      # The head of a recording is no event.
      continue
  return found


async def stop_when_enough(folder, markets, stop):
  """Ends the run when enough trades of each market came through ccxt, which is slower to start, and
  enough books that both ways have seen."""
  with trio.fail_after(WITHIN):
    while not enough(folder, markets):
      await trio.sleep(0.5)
  stop.set()


def enough(folder, markets):
  paths = [folder / name for name in ("ccxt-trades", "native-books", "ccxt-books")]
  if not all(path.exists() for path in paths):
    return False
  trades, native, through = (
    by_market(read(path), kind)
    for path, kind in zip(paths, (Trade, OrderBook, OrderBook), strict=True)
  )
  if not len(trades) == len(native) == len(through) == markets:
    return False
  seen = [
    len(seen_by_both(native[market], books)) > enough_books(books[0].exchange)
    for market, books in through.items()
  ]
  return all(seen) and all(len(events) > ENOUGH for events in trades.values())


def seen_by_both(native, through):
  """The books through ccxt that the native feed has told as well."""
  places = {place(event) for event in native}
  return [event for event in through if place(event) in places]


@pytest.fixture(scope="module", params=VENUES)
def both(request, tmp_path_factory):
  """What came through each of the four sources."""
  folder = tmp_path_factory.mktemp(request.param)
  name = request.param.partition(" ")[0]

  async def main():
    async with simulator("--speed", "20", venue=name) as venue:
      written = SPEC.format(
        venue=name,
        symbols=json.dumps(VENUES[request.param]),
        url=venue.endpoint,
        folder=folder,
      )
      stop = trio.Event()
      async with trio.open_nursery() as nursery:
        nursery.start_soon(stop_when_enough, folder, len(VENUES[request.param]), stop)
        return await run(load_spec(written, registry=Registry()), stop=stop)

  assert not trio.run(main).failures
  names = ("native-trades", "native-books", "ccxt-trades", "ccxt-books")
  return {name: read(folder / name) for name in names}


def test_nothing_was_lost_on_either_way(both):
  assert [event for events in both.values() for event in events if type(event) is Gap] == []


def by_market(events, kind):
  found = {}
  for event in events:
    if type(event) is kind:
      found.setdefault((event.market_type, event.symbol), []).append(event)
  return found


def test_trades_are_equal(both):
  # Whoever wrote the address into the spec: what a simulator gives says so.
  given = [one for name in ("native-trades", "ccxt-trades", "ccxt-books") for one in both[name]]
  assert all(one.simulated for one in given if not isinstance(one, Gap))
  native, through = by_market(both["native-trades"], Trade), by_market(both["ccxt-trades"], Trade)
  assert len(native) == len(through) == 3
  for market, trades in native.items():
    ours = {trade.trade_id: tuple(getattr(trade, name) for name in TOLD) for trade in trades}
    parts = through[market] if trades[0].match_id is None else list(joined(trades, through[market]))
    theirs = [tuple(getattr(trade, name) for name in TOLD) for trade in parts]
    common = [row for row in theirs if row[TOLD.index("trade_id")] in ours]
    assert len(common) > ENOUGH - 10, market
    for row in common:
      assert row == ours[row[TOLD.index("trade_id")]]
    # ccxt hands the venue's numbers on only where it is known that they have no holes.
    numbered = {trade.trade_id: trade.sequence for trade in trades}
    assert all(
      trade.sequence in (None, numbered[trade.trade_id])
      for trade in parts
      if trade.trade_id in numbered
    )
    # Each connected at its own time; between the first and the last that both had, none is missing.
    numbers = [row[TOLD.index("trade_id")] for row in common]
    whole = [trade.trade_id for trade in trades]
    assert numbers == whole[whole.index(numbers[0]) : whole.index(numbers[-1]) + 1]


def joined(trades, parts):
  """Single trades as the aggregated ones say that they belong together, where all of one are
  there."""
  by_id = {part.trade_id: part for part in parts}
  for trade in trades:
    numbers = range(int(trade.trade_id), int(trade.match_id) + 1)
    found = [by_id.get(str(number)) for number in numbers]
    if None not in found:
      assert {(part.price, part.side) for part in found} == {(trade.price, trade.side)}
      assert sum(part.size for part in found) == pytest.approx(trade.size)
      # Contracts are dollars: rounding is not what is compared.
      yield msgspec.structs.replace(found[0], size=trade.size, sequence=None)


def place(event):
  """What tells one state of a book: the venue's number. Hyperliquid has none, but the time of each.
  Bybit counts each depth's messages by themselves, and the two ways need not ask for the same
  depth; there it is the engine's time, and deeper books are told at times at which the others are
  too."""
  return event.ts_exchange if event.exchange in BY_TIME else event.sequence


def test_books_are_equal_after_every_update_that_both_saw(both):
  native, through = (
    by_market(both["native-books"], OrderBook),
    by_market(both["ccxt-books"], OrderBook),
  )
  assert len(native) == len(through) == 3
  for market, events in native.items():
    book, tops = Book(), {}
    for event in events:
      (book.snapshot if event.update_type == "snapshot" else book.apply)(event.bids, event.asks)
      tops[place(event)] = book.top(LEVELS)
    seen = seen_by_both(events, through[market])
    assert len(seen) > enough_books(events[0].exchange), market
    for event in seen:
      assert (event.bids, event.asks) == tops[place(event)]
    if events[0].exchange in BY_TIME:
      continue
    # ccxt tells its book also as the REST snapshot left it. Its lastUpdateId lies anywhere between
    # two updates (Binance, "How to manage a local order book correctly"), so the native feed, which
    # joins the two before it tells anything, need not have it. What follows are updates.
    told = [event.sequence for event in through[market][1:]]
    assert [
      number for number in told if min(tops) < number < max(tops) and number not in tops
    ] == []
