"""The live table of core.print, in terminals of many sizes.

The golden texts are in golden/. `python plugins/bond-builtin/tests/test_table.py` writes them
again, to be looked at before they are committed.
"""

from pathlib import Path

import pytest
from bond_builtin.sinks.rows import AT_ONCE, COLUMNS, MOST, Rows
from rich.cells import cell_len

from bond_core import (
  Bbo,
  Candle,
  ChainEvent,
  Consolidated,
  Custom,
  Funding,
  Gap,
  Heartbeat,
  Liquidation,
  OpenInterest,
  OrderBook,
  Post,
  Ticker,
  Trade,
  Window,
)
from bond_core.testing import sample_events

GOLDEN = Path(__file__).with_name("golden")
WIDTHS = (60, 80, 100, 120, 160)
END = 116.2


def a_busy_quarter_minute():
  """What a spec of everything shows after it: each type of event, a gap, a stream that fell quiet,
  and names of two cells a character."""
  rows = Rows()
  perp = {"symbol": "BTC/USDT", "market_type": "perp"}
  for half in range(30):
    now = 100 + half / 2
    price = 57_019.38 + half % 7 * 3
    trade = Trade(
      exchange="binance",
      symbol="BTC/USDT",
      market_type="spot",
      price=price,
      size=0.1296,
      side="buy",
      simulated=True,
    )
    rows.take([trade] * 3, now)
    bids, asks = [(57_019.3, 1.234)], [(57_019.4 + half, 2.5)]
    rows.take([OrderBook(exchange="binance", bids=bids, asks=asks, **perp)], now)
    ticker = Ticker(
      exchange="hyperliquid",
      symbol="币安人生USDT/USDT",
      market_type="perp",
      bid=0.1234,
      ask=0.1235,
      last=0.12345,
    )
    rows.take([ticker], now)
    if half < 5:
      rows.take([Candle(**perp, exchange="okx", interval="1m", start=0, end=1, **OHLC)], now)
  once = [
    Gap(exchange="hyperliquid", symbol="*", channel="*", cause="the connection was closed"),
    Window(
      ts="2026-11-30T12:00:05Z",
      window_start="2026-11-30T12:00:00Z",
      window_end="2026-11-30T12:00:05Z",
      symbol="BTC/USDT",
      price_avg=57_019.5,
      vwap=57_018.123,
      volume_sum=12.5,
      tweets=3,
      raw_data={"trades": 42},
    ),
    Liquidation(exchange="binance", side="sell", price=57_001.5, size=12, **perp),
    Post(exchange="x", symbol="BTC/USDT", user="ada", text="\x1b[31mup\r\nand 币安人生\u202e away"),
    Post(exchange="x", symbol="ETH/USDT", text="", count=12),
    ChainEvent(exchange="bitcoin", symbol="BTC", chain="bitcoin", kind="block", value=912_345),
    Funding(exchange="okx", rate=0.0001, mark=57_020, **perp),
    OpenInterest(exchange="okx", amount=81_234.5, value=4.6e9, **perp),
    OrderBook(
      exchange="okx",
      symbol="BTC/USDT",
      market_type="future",
      expiry="261225",
      update_type="delta",
      bids=[(57_000, 0)],
      asks=[],
    ),
    Consolidated(
      exchange="*",
      symbol="BTC/USDT",
      market_type="spot",
      bids=[],
      asks=[],
      venues={},
      bbo=Bbo(
        bid=57_019.4,
        bid_venues=["okx"],
        ask=57_019.3,
        ask_venues=["binance", "bybit"],
        state="crossed",
        blamed=["okx"],
      ),
    ),
    Custom(exchange="clock", symbol="", event_type="tick", data={"count": 7}),
    Heartbeat(raw={}, info={"seq": 12}),
  ]
  rows.take(once, 115)
  return rows


OHLC = {"open": 57_000, "high": 57_010, "low": 56_990, "close": 57_005, "volume": 3.25}


def plain(rows, width, height=60, now=END):
  return [line.plain for line in rows.lines(now, width, height)]


@pytest.mark.parametrize("width", WIDTHS)
def test_golden(width):
  found = "\n".join(plain(a_busy_quarter_minute(), width)) + "\n"
  assert found == (GOLDEN / f"table-{width}.txt").read_text(encoding="utf-8")


def test_no_line_is_too_wide_and_what_is_cut_ends_with_an_ellipsis():
  rows, titles = a_busy_quarter_minute(), [column.title for column in COLUMNS]
  whole = plain(rows, 1_000)
  for width in range(60, 201):
    lines = plain(rows, width)
    assert max(map(cell_len, lines)) <= width
    # Names and figures are whole, or end with an ellipsis; and no column is missing.
    shown = " ".join(lines).split()
    for word in shown:
      assert "…" in word or any(word in line for line in whole), (width, word)
    assert [word for word in shown if word in titles][: len(titles)] == titles
    assert len(lines) in (len(whole), len(whole) + len(whole) - 3)


@pytest.mark.parametrize("event", sample_events(), ids=lambda event: type(event).__name__)
def test_nothing_that_a_terminal_obeys_reaches_it(event):
  hostile = "\x1b]0;title\x07\x9b2J\r\n\t\u202e\u2066\x00 words"
  for name in ("exchange", "symbol", "text", "user", "chain", "event_type", "cause", "interval"):
    if isinstance(getattr(event, name, None), str):
      setattr(event, name, hostile)
  if isinstance(event, Custom):
    event.data = {hostile: hostile}
  rows = Rows()
  rows.take([event], 0)
  text = "".join(plain(rows, 160))
  assert text.isprintable(), text


def test_a_screen_shows_what_fits_and_says_how_much_does_not():
  rows = Rows()
  for number in range(50):
    rows.take([trade(f"S{number}/USDT")], 0)
  for width, fit in ((160, 20), (60, 9)):
    lines = plain(rows, width, 24, 1)
    assert len(lines) <= 23
    assert f"S{fit - 1}/USDT" in "\n".join(lines)
    assert lines[-2] == f"… and {50 - fit} more streams"
  assert len(plain(rows, 80, 2, 1)) == 6


def test_a_table_of_ever_new_streams_is_bounded_and_keeps_those_that_are_heard():
  rows = Rows()
  for number in range(MOST + 5):
    rows.take([trade("BTC/USDT"), trade(f"S{number}/USDT")], number)
  # BTC/USDT, and what came since the last that were silent for longest made room.
  assert f"{MOST - AT_ONCE + 6} streams" in plain(rows, 160)[-1]
  assert any("BTC/USDT" in line for line in plain(rows, 160, 2_000))
  assert not any("S0/USDT" in line for line in plain(rows, 160, 2_000))


def trade(symbol, price=1.0):
  return Trade(exchange="x", symbol=symbol, price=price, size=1.0)


def row_of(rows, now):
  return plain(rows, 160, 60, now)[1].split()


def test_rate_age_and_state_are_those_of_the_clock():
  rows = Rows()
  for tenth in range(300):
    rows.take([trade("BTC/USDT")], 10 + tenth / 10)
  assert row_of(rows, 39.9)[3:6] == ["live", "10/s", "0.0s"]
  # The rate falls with the silence, and the state says that it is one.
  assert row_of(rows, 44.9)[3:6] == ["live", "5.0/s", "5.0s"]
  assert row_of(rows, 52)[3:6] == ["quiet", "0/s", "12s"]
  rows.take([trade("BTC/USDT")], 53)
  assert row_of(rows, 53)[3] == "live"


def test_what_comes_seldom_is_no_quieter_than_usual():
  rows = Rows()
  for minute in range(4):
    rows.take([trade("BTC/USDT")], minute * 60)
  assert row_of(rows, 180 + 170)[3] == "live"
  assert row_of(rows, 180 + 190)[3] == "quiet"


@pytest.mark.parametrize(
  ("gap", "concerned"),
  [
    ({"exchange": "x", "symbol": "*", "channel": "*"}, ["BTC/USDT", "ETH/USDT"]),
    ({"exchange": "x", "symbol": "BTC/USDT", "channel": "trades"}, ["BTC/USDT"]),
    ({"exchange": "*", "symbol": "ETH/USDT", "channel": "*"}, ["ETH/USDT"]),
    # Of what has no symbol, which has a row of its own.
    ({"exchange": "x", "symbol": "", "channel": "trades"}, ["trades"]),
    ({"exchange": "x", "symbol": "*", "channel": "orderbook"}, ["*"]),
    ({"exchange": "y", "symbol": "BTC/USDT", "channel": "trades"}, ["BTC/USDT of y"]),
  ],
)
def test_a_gap_is_counted_at_each_stream_that_it_is_of(gap, concerned):
  rows = Rows()
  rows.take([trade("BTC/USDT"), trade("ETH/USDT"), Gap(reason="upstream", cause="cut", **gap)], 1)
  marked = [line.split() for line in plain(rows, 160)[1:-2] if " gap " in line]
  names = [row[1] + ("" if row[0] == "x" else f" of {row[0]}") for row in marked]
  assert names == concerned
  assert "1 gap" in plain(rows, 160)[-2]
  assert "upstream: cut" in plain(rows, 160)[-1]
  rows.take([trade("BTC/USDT"), trade("ETH/USDT")], 2)
  assert not any(" gap " in line for line in plain(rows, 160)[1:3])


if __name__ == "__main__":
  for wide in WIDTHS:
    text = "\n".join(plain(a_busy_quarter_minute(), wide)) + "\n"
    (GOLDEN / f"table-{wide}.txt").write_text(text, encoding="utf-8")
