"""A recording of Binance's COIN-M futures, played by the simulator into the native feed."""

import json

import trio
from venue import simulator

from bond_core import OrderBook, Registry, Trade, decode, load_spec, run

SPEC = """
sources:
  trades:
    use: binance.trades
    with: {{symbols: [BTCUSD_PERP, ETHUSD_261225], endpoint: "{url}"}}
  books:
    use: binance.orderbook
    with: {{symbols: [BTCUSD_PERP], endpoint: "{url}", deltas: true}}
sinks:
  a: {{use: core.jsonl, from: [trades, books], with: {{path: "{path}"}}}}
"""


def recording():
  """Two hundred changes of a book and as many trades, 20 ms apart, with a snapshot among them."""
  lines = ["wss://dstream.binance.com/stream?streams=x <-> 1650000000.0"]

  def add(at, stream, data):
    whole = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
    lines.append(f"{1_650_000_000 + at:.3f}: {whole}")

  for number in range(200):
    at, last = 0.02 * number, 100 + 3 * number
    depth = {"e": "depthUpdate", "E": last, "T": last, "s": "BTCUSD_PERP", "U": last - 2}
    depth |= {"u": last, "pu": last - 3, "b": [["50000", str(1 + number)]], "a": [["60000", "6"]]}
    add(at, "btcusd_perp@depth@100ms", depth)
    for symbol in ("BTCUSD_PERP", "ETHUSD_261225"):
      trade = {"e": "aggTrade", "E": 1, "a": number, "s": symbol, "p": "50000", "q": "10"}
      trade |= {"f": number, "l": number, "T": 1_650_000_000_000 + last, "m": False}
      add(at + 0.005, f"{symbol.lower()}@aggTrade", trade)
    if number == 0:
      snapshot = {"lastUpdateId": 100, "E": 1, "T": 1, "bids": [["50000", "1"]], "asks": []}
      url = "https://dapi.binance.com/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000"
      lines.append(f"{url} -> {1_650_000_000.01:.3f}: {json.dumps(snapshot)}")
  return "\n".join(lines) + "\n"


def test_a_recording_of_coin_m_is_what_the_native_feed_gives(tmp_path):
  path, told = tmp_path / "coinm", tmp_path / "told"
  path.write_text(recording())

  async def main():
    async with simulator("--capture", str(path), "--settle", "1.5") as venue:
      stop = trio.Event()
      async with trio.open_nursery() as nursery:
        written = SPEC.format(url=venue.endpoint, path=told)

        async def end():
          await venue.finished()
          stop.set()

        nursery.start_soon(end)
        return await run(load_spec(written, registry=Registry()), stop=stop)

  assert not trio.run(main).failures
  events = [decode(line) for line in told.read_bytes().splitlines() if b'"ts_event"' in line]
  trades = [event for event in events if isinstance(event, Trade)]
  sizes = {(event.symbol, event.expiry): event.size for event in trades}
  assert sizes == {("BTC/USD", None): 0.02, ("ETH/USD", "261225"): 0.002}
  assert [e.sequence for e in trades if e.symbol == "BTC/USD"] == list(range(200))
  books = [event for event in events if isinstance(event, OrderBook)]
  assert books[-1].bids == [(50_000, 200 * 100 / 50_000)]
  assert books[-1].sequence == 100 + 3 * 199
