"""tox -e peers: hftbacktest validates what is exported for it, in an environment of its own.

Real captures of 2024 are played as Binance, recorded, and exported; what comes out is counted
against the captures: trades, quotes, the snapshot and the changes of the book.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

PEER = "hftbacktest==2.4.4"
ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared")) / "data" / "binance-2024"
CAPTURES = {
  "spot": ("spot_btcusdt_20240808.gz", "BTC/USDT", "binance_BTC-USDT_spot.npz"),
  "perp": ("usdm_btcusdt_20240808.gz", "BTC/USDT:USDT", "binance_BTC-USDT_perp.npz"),
}
BOND = [sys.executable, "-m", "bond_core"]
CHECK = """
import json, sys
import numpy as np
from hftbacktest import EXCH_EVENT, LOCAL_EVENT, TRADE_EVENT
from hftbacktest.data import validate_event_order
data = np.load(sys.argv[1])["data"]
validate_event_order(data)
kinds, found = data["ev"] & 0xff, {}
for name, flag in (("exchange", EXCH_EVENT), ("local", LOCAL_EVENT)):
  seen = kinds[(data["ev"] & flag) != 0]
  found[name] = {"records": len(seen), "trades": int((seen == TRADE_EVENT).sum())}
print(json.dumps({"bytes": data.dtype.itemsize, **found}))
"""


def main() -> int:
  """Returns 0 where everything is valid and no trade is missing; 1 also without the captures, since
  then nothing was shown."""
  if not DATA.exists():
    print(
      f"nothing was validated: {DATA} is not there; set BOND_SHARED to the folder that has data/"
    )
    return 1
  with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    venv.create(folder / "peer", with_pip=True)
    peer = folder / "peer" / "bin" / "python"
    subprocess.run([peer, "-m", "pip", "install", "--quiet", PEER], check=True)
    return max(check(folder, peer, market) for market in CAPTURES)


def check(folder: Path, peer: Path, market: str) -> int:
  """Returns 0 where the export of one capture is valid and has all that is in it."""
  capture, symbol, exported = CAPTURES[market]
  recording, out = folder / f"{market}.jsonl.zst", folder / market
  record(folder, DATA / capture, symbol, recording)
  subprocess.run([*BOND, "export", recording, "--to", "hftbacktest", out], check=True)
  done = subprocess.run(
    [peer, "-c", CHECK, out / exported], check=True, capture_output=True, text=True
  )
  manifest = json.loads((out / "_manifest.json").read_text())
  rows = {name: table["rows"] for name, table in manifest["tables"].items()}
  books = books_in(recording)
  counted = Counted(DATA / capture, books[0]["sequence"])
  found = {**json.loads(done.stdout), "rows": rows, "left_out": manifest["left_out"]}
  # Before the snapshot the depth is cleared, by one record. Each record stands once in the order of
  # either clock. A change also brings levels beyond the first snapshot where a second one was
  # fetched for them, so levels are counted in the recording.
  levels = sum(len(book["bids"]) + len(book["asks"]) for book in books)
  each = {"records": 1 + levels + len(counted.trades), "trades": len(counted.trades)}
  wanted = {
    "bytes": 64,
    "exchange": each,
    "local": each,
    "rows": {"trades": len(counted.trades), "orderbooks": 1 + counted.changes},
    "left_out": {"ticker": counted.quotes},
  }
  right = found == wanted
  print(f"{market}: {found}, in the capture {wanted}: {'equal' if right else 'NOT EQUAL'}")
  return 0 if right else 1


def record(folder: Path, capture: Path, symbol: str, recording: Path) -> None:
  """Plays a capture as Binance, and records it."""
  with subprocess.Popen(
    [*BOND, "sim", "binance", "--capture", capture, "--port", "0", "--json", "--speed", "20"],
    stdout=subprocess.PIPE,
    text=True,
  ) as sim:
    try:
      assert sim.stdout is not None
      endpoint = json.loads(sim.stdout.readline())["endpoint"]
      given = {"symbols": [symbol], "endpoint": endpoint}
      spec = folder / "spec.json"
      spec.write_text(
        json.dumps(
          {
            "sources": {
              "t": {"use": "binance.trades", "with": given},
              "q": {"use": "binance.ticker", "with": {**given, "stats": False}},
              "b": {"use": "binance.orderbook", "with": {**given, "deltas": True}},
            }
          }
        )
      )
      seconds = (span_of(capture) / 20) + 15
      command = [*BOND, "record", spec, "-o", recording, "--duration", f"{seconds:.0f}s"]
      subprocess.run(command, check=True)
    finally:
      # Else a recording that fails would be waited for with it, without end.
      sim.terminate()


def span_of(capture: Path) -> float:
  """Seconds from the first to the last line."""
  times = [int(line.split(" ", 1)[0]) for line in lines_of(capture)]
  return (times[-1] - times[0]) / 1e9


def books_in(recording: Path) -> list[dict[str, Any]]:
  """The books of a recording: a snapshot, whose time is of the run, and the changes after it."""
  command = [*BOND, "replay", recording, "--json", "--speed", "max"]
  lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
  return [json.loads(line) for line in lines if line.startswith(b'{"type":"orderbook"')]


class Counted:
  """What is in a capture, read in the plainest way: its trades, those of the market itself alone,
  its quotes, and the changes of its book after a number."""

  def __init__(self, capture: Path, after: int) -> None:
    self.trades: set[int] = set()
    self.quotes = self.changes = 0
    for line in lines_of(capture):
      message = json.loads(line.split(" ", 1)[1])
      stream, data = message.get("stream", ""), message.get("data", message)
      if stream.endswith("@bookTicker"):
        self.quotes += 1
      elif "@depth" in stream:
        self.changes += data["u"] > after
      elif stream.endswith("@trade") and data.get("X", "MARKET") == "MARKET":
        self.trades.add(data["t"])


def lines_of(capture: Path) -> list[str]:
  with gzip.open(capture, "rt") as file:
    return file.read().splitlines()


sys.exit(main())
