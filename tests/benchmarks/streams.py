"""A hundred streams of twenty distinct specs on one `bond serve`, made over REST and each followed
by a client: what they take of a core and of memory, and how many connections the venues see.

Twenty specs are wished for by five callers. Equal specs share one pipeline and equal sources one
connection, so the step from 20 to 100 streams is what callers, tokens and clients cost.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import trio

CALLERS = 5
STEPS = (1, 20, 100)
SECONDS = 8.0
VENUES = ("binance", "okx", "bybit")
TICKS = os.sysconf("SC_CLK_TCK")


def specs() -> list[dict[str, Any]]:
  """Twenty: windows of each venue's markets, and of all venues together."""
  single = product(VENUES, ("BTC/USDT", "ETH/USDT", "SOL/USDT"), ("1s", "2s"))
  wishes = [((venue,), symbol, every) for venue, symbol, every in single]
  wishes += [(VENUES, symbol, "1s") for symbol in ("BTC/USDT", "ETH/USDT")]
  return [_spec(*wish) for wish in wishes]


def _spec(venues: tuple[str, ...], symbol: str, every: str) -> dict[str, Any]:
  return {
    "sources": {v: {"use": f"{v}.trades", "with": {"symbols": [symbol]}} for v in venues},
    "transforms": {
      "windows": {"use": "core.window", "from": list(venues), "with": {"every": every}}
    },
    "sinks": {"out": {"use": "broker.websocket", "from": "windows"}},
  }


class Serving:
  """`bond serve --sim` in a process of its own; each simulated venue is another."""

  def __init__(self, folder: str) -> None:
    self.keys = [os.urandom(12).hex() for _ in range(CALLERS)]
    named = ",".join(f"caller{number}:{key}" for number, key in enumerate(self.keys))
    command = [sys.executable, "-m", "bond_core", "serve", "--sim", "--memory", "--port", "0"]
    command += ["--api-port", "0", "--max-streams", "0"]
    # Streams outlive their server: those of an earlier run are not to be among these.
    environment = {**os.environ, "BOND_API_KEYS": named, "XDG_DATA_HOME": folder}
    self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    self._said: list[str] = []
    threading.Thread(target=self._listen, daemon=True).start()
    self.api = self.told(r"^api: (\S+)")[0]

  def _listen(self) -> None:
    assert self.process.stderr is not None
    self._said.extend(self.process.stderr)

  def told(self, pattern: str) -> list[str]:
    """What it said of this, once it has."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
      if found := re.findall(pattern, "".join(self._said), re.M):
        return found
      time.sleep(0.05)
    raise RuntimeError("bond serve did not start:\n" + "".join(self._said))

  def spent(self) -> tuple[float, float]:
    """Seconds of processor time so far, and MiB of resident memory."""
    stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
    return (int(stat[11]) + int(stat[12])) / TICKS, pages * os.sysconf("SC_PAGE_SIZE") / 2**20

  def upstream(self) -> dict[str, int]:
    """How many connections each venue has."""
    found = {}
    for venue, url in self.told(r"simulated: (\w+) is .* at (\S+)"):
      stats = httpx.get(f"{url}/_sim/stats", trust_env=False).json()
      found[venue] = sum(connection["closed"] is None for connection in stats["connections"])
    return found


async def _measure(serving: Serving) -> dict[str, dict[str, Any]]:
  from bond_core._ws.client import open_websocket

  wishes = [(key, spec) for key in serving.keys for spec in specs()]
  received: Counter[int] = Counter()
  steps = {}

  async def follow(number: int, url: str) -> None:
    async with open_websocket(url) as socket:
      while True:
        received[number] += len(await socket.receive())

  async with httpx.AsyncClient(trust_env=False) as http, trio.open_nursery() as nursery:
    made = 0
    for step in STEPS:
      for key, spec in wishes[made:step]:
        answer = await http.post(
          f"{serving.api}/v1/streams", json={"spec": spec}, headers={"X-API-Key": key}
        )
        if not answer.is_success:
          raise RuntimeError(f"HTTP {answer.status_code}: {answer.text}")
        nursery.start_soon(follow, made, answer.json()["ws_url"])
        made += 1
      await trio.sleep(4)
      received.clear()
      before, _ = serving.spent()
      await trio.sleep(SECONDS)
      after, memory = serving.spent()
      if silent := [number for number in range(step) if received[number] < SECONDS / 2 - 1]:
        raise RuntimeError(f"of {step} streams {len(silent)} gave next to nothing: {silent}")
      steps[f"{step} streams"] = {
        "core_percent": round((after - before) / SECONDS * 100, 1),
        "rss_mb": round(memory),
        "messages_a_second": round(received.total() / SECONDS),
        "connections": serving.upstream(),
      }
    nursery.cancel_scope.cancel()
  return steps


def run() -> dict[str, object]:
  """The share of a core that a hundred streams take, with every step."""
  with tempfile.TemporaryDirectory() as folder:
    serving = Serving(folder)
    try:
      steps = trio.run(_measure, serving)
    finally:
      serving.process.terminate()
      serving.process.wait(20)
  last = steps[f"{STEPS[-1]} streams"]
  if any(count != 1 for count in last["connections"].values()) or len(last["connections"]) < 3:
    raise RuntimeError(f"more than one connection to a venue: {last['connections']}")
  return {
    "value": last["core_percent"],
    "unit": f"% of a core for {STEPS[-1]} streams of {len(specs())} specs",
    "goal": None,
    "peers": {},
    "detail": steps,
  }
