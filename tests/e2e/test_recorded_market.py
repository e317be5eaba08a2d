"""Real recorded frames over real sockets: the simulator plays them, `bond run` shows them."""

import gzip
import json
from heapq import nlargest, nsmallest
from math import fsum, isclose

import pytest
import trio
from shared_fixtures import shared_fixture
from venue import apply, bond_run, recorded, simulator

SPEC = """
sources:
  trades: {{use: binance.trades,    with: {{symbols: ["{symbol}"], endpoint: "{url}"}}}}
  quotes:
    use: binance.ticker
    with: {{symbols: ["{symbol}"], endpoint: "{url}", stats: false}}
  book:
    use: binance.orderbook
    with: {{symbols: ["{symbol}"], endpoint: "{url}", deltas: true}}
transforms:
  pulse:  {{use: core.window, from: trades, with: {{every: 5s}}}}
sinks:
  out: {{use: core.print, from: [trades, quotes, book, pulse]}}
"""


def lines_of(path):
  with gzip.open(path, "rt") as file:
    for line in file:
      yield json.loads(line.partition(" ")[2])


def reference_windows(trades, every_ms=5000):
  """Windows by venue time, in plain Python."""
  windows = {}
  for trade in trades:
    windows.setdefault(trade["T"] // every_ms, []).append(trade)
  for number, rows in sorted(windows.items()):
    prices = [float(r["p"]) for r in rows]
    sizes = [float(r["q"]) for r in rows]
    yield (
      number * every_ms,
      {
        "price_avg": fsum(prices) / len(prices),
        "price_open": prices[0],
        "price_high": max(prices),
        "price_low": min(prices),
        "price_close": prices[-1],
        "vwap": fsum(p * s for p, s in zip(prices, sizes, strict=True)) / fsum(sizes),
        "volume_sum": fsum(sizes),
        "trades": len(rows),
      },
    )


def naive_book(path, until):
  """The book at an update number, by the venue's recipe."""
  book, early, last = None, [], None
  for message in lines_of(path):
    if "lastUpdateId" in message:
      last = message["lastUpdateId"]
      book = [dict(message["bids"]), dict(message["asks"])]
      diffs, early = early, []
    elif "@depth" in message["stream"]:
      diffs = [message["data"]]
      if book is None:
        early += diffs
        continue
    else:
      continue
    for diff in diffs:
      if diff["u"] <= last or last >= until:
        continue
      for side, levels in zip(book, (diff["b"], diff["a"]), strict=True):
        for price, size in levels:
          if float(size):
            side[price] = size
          else:
            side.pop(price, None)
      last = diff["u"]
    if last >= until:
      break
  assert last == until
  return [{float(p): float(s) for p, s in side.items()} for side in book]


CASES = {
  "spot": ("binance-2024/spot_btcusdt_20240808.gz", "BTC/USDT", 9757, 28_040),
  "usdm": ("binance-2024/usdm_btcusdt_20240808.gz", "BTC/USDT:USDT", 21_313, 66_089),
}


@shared_fixture("module")
def runs(tmp_path_factory):
  """What `bond run` showed of each recording; both play at once."""
  found = {}
  folder = tmp_path_factory.mktemp("recorded")

  async def one(case):
    path, symbol, _, _ = CASES[case]
    async with simulator("--capture", recorded(path), "--speed", "50") as venue:
      spec = SPEC.format(symbol=symbol, url=venue.endpoint)
      found[case] = await bond_run(spec, folder, name=case, until=venue.finished)

  async def both():
    async with trio.open_nursery() as nursery:
      for case, (path, *_) in CASES.items():
        recorded(path)
        nursery.start_soon(one, case)

  trio.run(both)
  return found


@pytest.mark.parametrize("case", CASES)
def test_all_of_it_arrives_once_in_order_and_windows_and_book_are_right(case, runs):
  path, _, trades, quotes = CASES[case]
  capture, ran = recorded(path), runs[case]
  assert ran.code == 0, ran.errors
  sent = [m["data"] for m in lines_of(capture) if m.get("stream", "").endswith("@trade")]
  ids = [int(e["trade_id"]) for e in ran.of("trade")]
  assert len(ids) == trades
  assert ids == [m["t"] for m in sent]
  updates = [e["sequence"] for e in ran.of("ticker")]
  assert len(updates) == quotes
  assert updates == sorted(set(updates))
  assert ran.of("gap") == []

  # The recorder's clock was 1.27 s behind the venue's; windows are the venue's all the same.
  windows = [w for w in ran.of("window") if w["raw_data"]["trades"]]
  wanted = list(reference_windows(sent))
  assert len(wanted) - 1 <= len(windows) <= len(wanted)
  for window, (start_ms, values) in zip(windows, wanted, strict=False):
    assert window["symbol"] == "BTC/USDT"
    assert window["window_start"].endswith("Z")
    assert window["raw_data"]["trades"] == values.pop("trades")
    for name, value in values.items():
      assert isclose(window[name], value, rel_tol=1e-15), (start_ms, name)

  book = sequence = None
  for event in ran.of("orderbook"):
    assert book is None or event["prev_sequence"] == sequence
    book, sequence = apply(book, event), event["sequence"]
  bids, asks = naive_book(capture, sequence)
  # A snapshot tells 1,000 levels a side. A run on a busy machine takes a later one than the
  # recording has, and does not know what lies deeper then; the feed's own tests compare all of it.
  for side, whole, best in ((book[0], bids, nlargest), (book[1], asks, nsmallest)):
    prices = best(500, whole)
    assert prices == best(500, side)
    assert [side[price] for price in prices] == [whole[price] for price in prices]
  assert max(bids) < min(asks)
