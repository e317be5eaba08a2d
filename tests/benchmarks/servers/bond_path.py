"""The whole path in Bond: `bond serve` with a venue's trades.

usage: python -m tests.benchmarks.servers.bond_path [options of bond serve] VENUE_PORT
"""

import json
import os
import re
import signal
import sys
import tempfile
import threading
from pathlib import Path

from bond_core._cli.main import main as bond

SPEC = """
name: path
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "http://127.0.0.1:{port}"}}}}
"""


def tell_port(messages: int, standard_error: int) -> None:
  """Prints the port once the command has told its address, and hands on what it says."""
  with os.fdopen(messages) as lines:
    for line in lines:
      os.write(standard_error, line.encode())
      address = re.match(r"broker: ws://127\.0\.0\.1:(\d+)", line)
      if address:
        print(json.dumps({"port": int(address[1])}), flush=True)


def end_with_input() -> None:
  """Where the input ends, the process is told to stop."""
  sys.stdin.read()
  os.kill(os.getpid(), signal.SIGTERM)


def main(options: list[str], venue: str) -> None:
  messages, told = os.pipe()
  standard_error = os.dup(2)
  os.dup2(told, 2)
  os.close(told)
  telling = threading.Thread(target=tell_port, args=(messages, standard_error), daemon=True)
  telling.start()
  threading.Thread(target=end_with_input, daemon=True).start()
  with tempfile.TemporaryDirectory() as folder:
    spec = Path(folder) / "path.yaml"
    spec.write_text(SPEC.format(port=venue))
    sys.argv = [
      "bond",
      "serve",
      str(spec),
      *options,
      "--port",
      "0",
      "--api-port",
      "0",
      "--data",
      folder,
    ]
    try:
      bond()
    finally:
      # What it said last is handed on too.
      os.dup2(standard_error, 2)
      telling.join()


if __name__ == "__main__":
  main(sys.argv[1:-1], sys.argv[-1])
