"""Four ways to three simulated venues in one run, with a fault on each in turn: the book that lost
something says so and is made whole by itself, and nobody else notices."""

import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal

import httpx
import msgspec
import pytest
import trio
from venue import simulator

from bond_core import Registry, load_spec, run
from bond_core._events import Consolidated, Gap, OrderBook, Trade, Window, decode

SYMBOLS = ["BTC/USDT", "ETH/USDT"]
VENUES = ("binance", "okx", "bybit")
# The stream of the book of BTC/USDT.
FAULTS = {
  "binance": "gap:1/btcusdt@depth",
  "okx": "gap:1/books BTC-USDT",
  "bybit": "gap:1/spot orderbook.200.BTCUSDT",
}
WITHIN = 40


def written(urls, folder):
  lines = ["sources:"]
  for venue, url in urls.items():
    for channel, more in (("trades", {}), ("orderbook", {"deltas": True})):
      options = json.dumps({"symbols": SYMBOLS, "endpoint": url, **more})
      lines.append(f"  {venue}-{channel}: {{use: {venue}.{channel}, with: {options}}}")
  options = {"exchange": "okx", "symbols": SYMBOLS, "endpoint": urls["okx"], "mode": "stream"}
  lines.append(f"  ccxt-trades: {{use: ccxt.trades, with: {json.dumps(options)}}}")
  books = [f"{venue}-orderbook" for venue in urls]
  view = f"{{use: core.consolidate, from: {json.dumps(books)}, with: {{speed: 0s}}}}"
  trades = json.dumps([*(f"{venue}-trades" for venue in urls), "ccxt-trades"])
  lines += [
    "transforms:",
    f"  one: {view}",
    f"  once: {{use: core.dedupe, from: {trades}}}",
    "  ordered: {use: core.merge, from: once, with: {lateness: 1s}}",
    "  pulse: {use: core.window, from: ordered, with: {every: 1s}}",
    "sinks:",
  ]
  everything = [*(f"{venue}-{c}" for venue in urls for c in ("trades", "orderbook")), "ccxt-trades"]
  for name in (*everything, "one", "ordered", "pulse"):
    path = json.dumps({"path": str(folder / name)})
    lines.append(f"  to-{name}: {{use: core.jsonl, from: {name}, with: {path}}}")
  return "\n".join(lines)


def read(path):
  text = path.read_bytes() if path.exists() else b""
  found = []
  for line in text[: text.rfind(b"\n") + 1].splitlines():
    try:
      found.append(decode(line))
    except msgspec.ValidationError:
      continue  # the head of a recording is no event
  return found


def of_all(events):
  return [event for event in events if type(event) is Trade]


def of(events, kind, symbol="BTC/USDT"):
  return [event for event in events if type(event) is kind and event.symbol == symbol]


async def happens(wanted):
  with trio.fail_after(WITHIN):
    while not wanted():
      await trio.sleep(0.1)


async def break_each(urls, folder, stop):
  """A fault on one venue after the other, each when the one before is repaired."""
  for venue in urls:
    path = folder / f"{venue}-orderbook"
    await happens(lambda path=path: len(of(read(path), OrderBook)) > 20)
  async with httpx.AsyncClient(trust_env=False, verify=False) as client:
    for venue, url in urls.items():
      path = folder / f"{venue}-orderbook"
      answer = await client.post(f"{url}/_sim/faults", json={"fault": FAULTS[venue]})
      assert answer.status_code == 201

      def whole_again(path=path):
        events = read(path)
        gaps = [n for n, event in enumerate(events) if type(event) is Gap]
        later = of(events[gaps[-1] :], OrderBook) if gaps else []
        return any(event.is_reset for event in later) and len(later) > 5

      await happens(whole_again)

  def everything_came():
    trades = read(folder / "ccxt-trades")
    return all(len(of(trades, Trade, symbol)) > 5 for symbol in SYMBOLS)

  # It reads the venue's whole list first.
  await happens(everything_came)
  stop.set()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
  folder = tmp_path_factory.mktemp("venues")

  async def main():
    async with (
      simulator("--speed", "5", venue="binance") as binance,
      simulator("--speed", "5", venue="okx") as okx,
      simulator("--speed", "5", venue="bybit") as bybit,
    ):
      sims = zip(VENUES, (binance, okx, bybit), strict=True)
      urls = {venue: sim.endpoint for venue, sim in sims}
      stop = trio.Event()
      async with trio.open_nursery() as nursery:
        nursery.start_soon(break_each, urls, folder, stop)
        return await run(load_spec(written(urls, folder), registry=Registry()), stop=stop)

  assert not trio.run(main).failures
  return {path.name: read(path) for path in folder.iterdir()}


@pytest.mark.parametrize("venue", VENUES)
def test_a_lost_update_breaks_one_book_and_that_book_is_made_whole(ran, venue):
  events = ran[f"{venue}-orderbook"]
  gaps = [event for event in events if type(event) is Gap]
  assert [(gap.exchange, gap.channel, gap.symbol) for gap in gaps] == [
    (venue, "orderbook", "BTC/USDT")
  ]
  resets = [event for event in of(events, OrderBook) if event.is_reset]
  assert len(resets) == 2
  # The other instrument has one chain from the beginning to the end.
  chain = of(events, OrderBook, "ETH/USDT")
  assert [event.is_reset for event in chain if event.is_reset] == [True]
  assert all(b.prev_sequence == a.sequence for a, b in zip(chain, chain[1:], strict=False))


@pytest.mark.parametrize("way", ["binance-trades", "okx-trades", "bybit-trades", "ccxt-trades"])
def test_trades_go_on_undisturbed_whatever_happens_to_books(ran, way):
  events = ran[way]
  assert [event for event in events if type(event) is Gap] == []
  assert all(len(of(events, Trade, symbol)) > 5 for symbol in SYMBOLS)
  if way in ("binance-trades", "okx-trades"):
    numbers = [event.sequence for event in of(events, Trade)]
    assert numbers == sorted(set(numbers))


def test_trades_of_all_ways_are_one_row_in_order_with_each_trade_once(ran):
  ordered = [event for event in ran["ordered"] if type(event) is Trade]
  times = [event.ts_exchange for event in ordered]
  assert times == sorted(times)
  keys = [(e.exchange, e.symbol, e.trade_id) for e in ordered]
  assert len(set(keys)) == len(keys)
  # OKX came two ways.
  assert {e.exchange for e in ran["ccxt-trades"] if type(e) is Trade} == {"okx"}
  ways = (*(f"{venue}-trades" for venue in VENUES), "ccxt-trades")
  told = {(e.exchange, e.symbol, e.trade_id) for way in ways for e in of_all(ran[way])}
  # What came later than the merge waits, as on a busy machine, is declared with its number.
  late = sum(event.missed for event in ran["ordered"] if type(event) is Gap)
  assert len(told - set(keys)) <= late
  assert len(told) > 500


def test_windows_have_the_share_of_each_venue(ran):
  ordered = of_all(ran["ordered"])
  shared = 0
  for window in (event for event in ran["pulse"] if type(event) is Window):
    start = datetime.fromisoformat(window.window_start).timestamp() * 1000
    parts = window.raw_data.get("by_venue", {})
    shared += len(parts) == len(VENUES)
    for venue, part in parts.items():
      inside = [
        e
        for e in ordered
        if (e.exchange, e.symbol) == (venue, window.symbol)
        and start <= e.ts_exchange < start + 1000
      ]
      assert part["trades"] == len(inside)
      assert part["volume_sum"] == float(sum(Decimal(repr(e.size)) for e in inside))
    if parts:
      assert window.raw_data["trades"] == sum(part["trades"] for part in parts.values())
      assert window.volume_sum == pytest.approx(sum(part["volume_sum"] for part in parts.values()))
  assert shared >= 2


def test_the_consolidated_book_leaves_a_broken_venue_out_and_takes_it_in_again(ran):
  views = of(ran["one"], Consolidated)
  states = defaultdict(list)
  for view in views:
    for venue, quote in view.venues.items():
      if not states[venue] or states[venue][-1] != quote.state:
        states[venue].append(quote.state)
  for venue in VENUES:
    assert states[venue][:3] == ["live", "broken", "live"]
  for view in views:
    live = {venue for venue, quote in view.venues.items() if quote.state == "live"}
    assert {venue for level in view.bids + view.asks for venue in level[2]} <= live


def test_the_consolidated_top_is_the_best_of_the_venues_own(ran):
  last = of(ran["one"], Consolidated, "ETH/USDT")[-1]
  assert set(last.venues) == set(VENUES)
  assert last.bbo.bid == max(quote.bid for quote in last.venues.values())
  assert last.bbo.ask == min(quote.ask for quote in last.venues.values())
