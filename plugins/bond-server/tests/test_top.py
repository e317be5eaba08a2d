"""The picture of `bond top`, in terminals of many sizes.

The golden texts are in golden/. `python plugins/bond-server/tests/test_top.py` writes them again,
to be looked at before they are committed.
"""

from pathlib import Path

import pytest
from bond_server.commands.looks import Look, picture
from rich.cells import cell_len

GOLDEN = Path(__file__).with_name("golden")
WIDTHS = (60, 80, 100, 120, 160)
URL = "https://bond.example.com"


def stream(exchange, symbol, channel, events, *, market_type="spot", age_ms=20, resyncs=None):
  return {
    "exchange": exchange,
    "channel": channel,
    "symbol": symbol,
    "market_type": market_type,
    "age_ms": age_ms,
    "events": events,
    "resyncs": resyncs,
  }


def client(number, state="live", lag=0, **figures):
  nothing = dict.fromkeys(("unsent_bytes", "lost", "conflated"), 0)
  named = {"id": number, "state": state, "lag": lag, "subscriptions": 2, "sent": 120_000}
  return {**nothing, **named, "connected_sec": 4_000, **figures}


def a_look(at, more=0):
  streams = [
    stream("binance", "BTC/USDT", "trades", 12_345 + 80 * more),
    stream("hyperliquid", "币安人生USDT/USDT", "ticker", 900 + more, market_type="perp"),
    stream("okx", "BTC/USDT", "orderbook", 5_000 + 9 * more, resyncs=2),
    stream("bybit", "ETH/USDT", "liquidation", 3, market_type="perp", age_ms=950_000),
  ]
  broker = {
    "uptime": 4_321,
    "messages_per_second": 91.2,
    "clients": 3,
    "clients_behind": 1,
    "lag_max": 4_567,
    "lost": 12,
    "latency_ms": {"receive": {"p99": 5}},
    "gaps": [
      {"exchange": "okx", "reason": "upstream", "count": 2},
      {"exchange": "okx", "reason": "late", "count": 1},
    ],
    "skew_ms": {"binance": 12.4, "okx": -3.0, "bybit": None},
    "log": {"failure": None},
    "streams": streams,
    "slowest": [
      client(7, "behind", 4_567, unsent_bytes=262_144, lost=12, conflated=88),
      client(1),
      client(2),
    ],
  }
  made = {
    "stream_id": "b28a4fd11093773b",
    "msgs_in": 8_580 + more,
    "msgs_out": 40 + more,
    "dropped": 0,
    "latency_p95_ms": 0.594,
    "uptime_sec": 59.2,
    "simulated": ["binance"],
  }
  health = {
    "sources": {
      "binance": "simulated",
      "bybit": "stale",
      "hyperliquid": "quiet",
      "okx": "unavailable",
    },
    "notices": [{"exchange": "okx", "reason": "HTTP 403:\x1b[2J not\nfrom this region"}],
  }
  return Look(at=at, health=health, broker=broker, made={"per_stream": [made]})


def plain(width, height=None, *, now=None, before=None, problem=""):
  now, before = now or a_look(12, 20), before or a_look(10)
  return [line.plain for line in picture(URL, now, before, width, height, problem)]


@pytest.mark.parametrize("width", WIDTHS)
def test_golden(width):
  found = "\n".join(plain(width)) + "\n"
  assert found == (GOLDEN / f"top-{width}.txt").read_text(encoding="utf-8")


def test_no_line_is_too_wide_and_what_is_cut_ends_with_an_ellipsis():
  whole = plain(1_000)
  for width in range(60, 201):
    lines = plain(width)
    assert len(lines) == len(whole)
    assert max(map(cell_len, lines)) <= width
    for line, known in zip(lines, whole, strict=True):
      assert line.isprintable()
      assert "…" in line or line.split() == known.split(), (width, line)


def test_the_busiest_come_first_with_the_rate_between_the_two_looks():
  market = [line.split() for line in plain(160) if "/USDT" in line]
  assert [row[4] for row in market] == ["800/s", "90/s", "10/s", "0/s"]


def test_a_server_that_was_started_again_has_no_rate_yet():
  rows = [line for line in plain(160, now=a_look(12), before=a_look(10, 20)) if "trades" in line]
  assert rows[0].split()[4] == "-"


def test_what_does_not_fit_is_counted():
  look = a_look(12)
  look.broker["streams"] = [stream("x", f"S{n}/USDT", "trades", n) for n in range(100)]
  look.broker["slowest"] = [client(n) for n in range(20)]
  lines = plain(100, 40, now=look)
  assert len(lines) <= 40
  assert "… and 14 more clients" in lines
  [more] = [line for line in lines if line.endswith("more streams")]
  assert int(more.split()[2]) == 100 - sum(line.startswith("x ") for line in lines)


def test_what_cannot_be_seen_is_said():
  own = a_look(12)
  lines = plain(100, now=Look(at=12, health=own.health, made=own.made, unseen="give --key"))
  assert lines[2] == "give --key"
  assert any(line.startswith("b28a4fd11093773b") for line in lines)
  assert plain(100, problem="no server answers")[2] == "no server answers"
  own.broker["log"]["failure"] = "the disk is full"
  assert plain(100, now=own)[2] == "the disk is full"


if __name__ == "__main__":
  for wide in WIDTHS:
    (GOLDEN / f"top-{wide}.txt").write_text("\n".join(plain(wide)) + "\n", encoding="utf-8")
