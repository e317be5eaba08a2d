"""Two hundred agents on one `bond serve`: half poll `since` once a second, half wait with
`wait_until`, all over /mcp. What they take of the server's core, and how soon they are answered.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import trio

AGENTS = 200
SECONDS = 12.0
EVERY = 1.0
WAIT = 5.0
STARTS_WITHIN = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
HEADERS = {
  "Accept": "application/json, text/event-stream",
  "MCP-Protocol-Version": "2025-11-25",
}
SPEC = """
name: base
sources:
  trades: {use: okx.trades, with: {symbols: [BTC/USDT, ETH/USDT, SOL/USDT]}}
  quotes: {use: okx.ticker, with: {symbols: [BTC/USDT, ETH/USDT, SOL/USDT]}}
"""


class Serving:
  """`bond serve --sim` in a process of its own."""

  def __init__(self, folder: str) -> None:
    spec = Path(folder) / "base.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    command = [sys.executable, "-m", "bond_core", "serve", "--sim", "--memory", "--port", "0"]
    self.process = subprocess.Popen(
      [*command, "--api-port", "0", "--api-max-per-address", "1000", str(spec)],
      stderr=subprocess.PIPE,
      text=True,
    )
    self.url: str | None = None
    threading.Thread(target=self._listen, daemon=True).start()

  def _listen(self) -> None:
    assert self.process.stderr is not None
    for line in self.process.stderr:
      if line.startswith("api: http"):
        self.url = line.split()[1]

  def wait(self) -> str:
    """The URL of the control plane."""
    until = time.monotonic() + STARTS_WITHIN
    while self.url is None:
      if time.monotonic() > until or self.process.poll() is not None:
        raise RuntimeError("bond serve did not start")
      time.sleep(0.05)
    return self.url

  def cpu(self) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

  def memory(self) -> float:
    """MiB of it that are in memory."""
    pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

  def stop(self) -> None:
    self.process.terminate()
    self.process.wait(timeout=20)


class Agents:
  """The agents, and how long each answer took."""

  def __init__(self, http: httpx.AsyncClient) -> None:
    self.polled: list[float] = []
    self.waited = 0
    self.gaps = 0
    self.changes = 0
    self._http = http
    self._ids = count(1)

  async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": next(self._ids), "method": "tools/call", "params": params}
    answer = await self._http.post("/mcp", json=body, headers=HEADERS)
    found: dict[str, Any] = answer.json()["result"]["structuredContent"]
    return found

  async def poll(self, number: int) -> None:
    """One that looks once a second."""
    await trio.sleep(number * EVERY / AGENTS * 2)
    symbol = ("BTC/USDT", "ETH/USDT", "SOL/USDT")[number % 3]
    cursor: str | None = None
    while True:
      began = trio.current_time()
      named = {} if cursor is None else {"cursor": cursor}
      answer = await self.call("since", symbol=symbol, exchange="okx", **named)
      cursor = answer["cursor"]
      self.polled.append(trio.current_time() - began)
      self.gaps += len(answer["gaps"])
      self.changes += answer["events_seen"]
      await trio.sleep(EVERY)

  async def wait(self, number: int) -> None:
    """One that wants to be woken by what does not come."""
    symbol = ("BTC/USDT", "ETH/USDT", "SOL/USDT")[number % 3]
    await trio.sleep(number * WAIT / AGENTS * 2)
    cursor: dict[str, str] = {}
    while True:
      asked = {"symbol": symbol, "exchange": "okx", "timeout": WAIT, **cursor}
      answer = await self.call("wait_until", where="price > 1000000000", **asked)
      cursor = {"cursor": answer["cursor"]}
      self.waited += 1
      self.gaps += len(answer["gaps"])


async def measured(serving: Serving, url: str, agents: int) -> dict[str, Any]:
  limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
  async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:
    crowd = Agents(http)
    async with trio.open_nursery() as nursery:
      for number in range(agents // 2):
        nursery.start_soon(crowd.poll, number)
        nursery.start_soon(crowd.wait, number)
      await trio.sleep(6.0)
      before, polled, waited = serving.cpu(), len(crowd.polled), crowd.waited
      began = trio.current_time()
      await trio.sleep(SECONDS)
      took = trio.current_time() - began
      cores = (serving.cpu() - before) / took
      nursery.cancel_scope.cancel()
    times = crowd.polled[polled:]
    answers = len(times) + crowd.waited - waited
    cuts = quantiles(times, n=100) if len(times) > 2 else [0.0] * 99
    return {
      "cores": round(cores, 3),
      "answers_s": round(answers / took, 1),
      "since_p50_ms": round(cuts[49] * 1000, 1),
      "since_p99_ms": round(cuts[98] * 1000, 1),
      "events_told": crowd.changes,
      "gaps": crowd.gaps,
      "rss_mib": round(serving.memory(), 1),
    }


def run() -> dict[str, Any]:
  with tempfile.TemporaryDirectory() as folder:
    serving = Serving(folder)
    try:
      url = serving.wait()
      alone = trio.run(measured, serving, url, 2)
      crowd = trio.run(measured, serving, url, AGENTS)
    finally:
      serving.stop()
  answers = crowd["answers_s"] - alone["answers_s"]
  each = (crowd["cores"] - alone["cores"]) / answers * 1000 if answers else None
  return {
    "value": crowd["cores"],
    "unit": f"cores of a server with {AGENTS} agents",
    "each_answer_ms": None if each is None else round(each, 2),
    "agents": {"two": alone, "all": crowd},
  }
