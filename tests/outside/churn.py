"""Streams and clients that come and go, for as long as is said, and what a server keeps of them.

`python -m tests.outside.churn --minutes 10` starts `bond serve` and prints how its memory grew
after a warm-up, with what is certain of that (95 %); exit code 1 where even the least of it is more
than `--most` MiB an hour, or the process ended. A run that is too short to tell says so by a wide
interval: `tox -e soak` takes two hours. What is kept on purpose is the deletion of each stream, 250
bytes up to a bound: 3 MiB an hour here.
"""

import argparse
import contextlib
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import trio

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from clients import client, hear, say  # noqa: E402
from over_http import api_of, request  # noqa: E402
from serving import EXAMPLE, served  # noqa: E402

ASSETS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "DOT")
CHANNELS = ("trades", "orderbook", "ticker", "candle")
KEYS = {"BOND_API_KEYS": "churn:churn-1f0c9d7b3a55e8c2", "BOND_MAX_STREAMS": "0"}
KEY = KEYS["BOND_API_KEYS"].partition(":")[2]

STUDENT = ((1, 12.7), (2, 4.3), (3, 3.2), (5, 2.6), (10, 2.2), (30, 2.05), (1 << 30, 2.0))
"""Degrees of freedom, and how many standard errors 95 % lie within."""


def spec_of(number, chance):
  """A spec that no other number has: market data, a clock or posts behind a filter and a window."""
  sources = {
    "trades": {"use": "binance.trades", "with": {"symbols": [f"{chance.choice(ASSETS)}/USDT"]}},
    "books": {"use": "okx.orderbook", "with": {"symbols": [f"{chance.choice(ASSETS)}/USDT"]}},
    "ticks": {"use": "clock.ticks", "with": {"seconds": 0.1 + number / 1e7}},
    "posts": {"use": "bluesky.posts", "with": {"symbols": [chance.choice(ASSETS)]}},
  }
  source = chance.choice(list(sources))
  spec = {"name": f"churn {number}", "sources": {source: sources[source]}}
  if source == "trades":
    spec["transforms"] = {
      "some": {
        "use": "core.filter",
        "from": source,
        "with": {"where": f"price > {number / 1e7:.7f}"},
      }
    }
  return spec


class Churn:
  """What is done over and over, and how often it was."""

  def __init__(self, server, api):
    self.done = Counter()
    self._server, self._api = server, api
    self._numbers = iter(range(1, 1 << 40))

  async def market(self, number, chance):
    """A client of the market: known markets, sometimes one that no venue has."""
    async with client(self._server.port, key=KEY) as socket:
      asset = chance.choice((*ASSETS, f"X{number}"))
      await say(
        socket,
        type="subscribe",
        id=f"s{number}",
        channels=[chance.choice(CHANNELS)],
        symbols=[f"{asset}/USDT"],
        exchange=chance.choice(("binance", "okx", "*")),
        **({"from": "now-5s"} if chance.random() < 0.3 else {}),
      )
      with trio.move_on_after(chance.uniform(0.1, 1)):
        for _ in range(20):
          await hear(socket)

  async def raw(self, number, chance):
    """A client of everything."""
    async with client(self._server.port, path="/raw", key=KEY) as socket:
      for _ in range(chance.randrange(1, 50)):
        await hear(socket)

  async def stream(self, number, chance):
    """A stream that is made, read and deleted."""
    spec = spec_of(number, chance)
    status, made = await request("POST", f"{self._api}/v1/streams", {"spec": spec}, KEY)
    assert status == 201, made
    url = f"{self._api}/v1/streams/{made['stream_id']}"
    async with client(self._server.port, path=f"/ws/{made['stream_id']}", key=KEY) as socket:
      with trio.move_on_after(1):
        await hear(socket, lambda message: message.get("type") not in ("heartbeat", "system"))
      await request("GET", url, key=KEY)
      status, _ = await request("DELETE", url, key=KEY)
    assert status in (200, 204), status

  async def figures(self, number, chance):
    """What monitoring looks at, and a wrong request."""
    for path in ("/health", "/metrics", f"/v1/streams/{number:016x}"):
      with contextlib.suppress(ValueError):
        await request("GET", self._api + path, key=KEY)

  async def work(self, seed):
    """Does one after the other until it is cancelled."""
    chance = random.Random(seed)
    kinds = (self.market, self.market, self.raw, self.stream, self.stream, self.figures)
    while True:
      kind = chance.choice(kinds)
      await kind(next(self._numbers), chance)
      self.done[kind.__name__] += 1


def resident(pid):
  """The resident memory of a process in MiB."""
  return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


async def run(minutes, warm_up, workers, seed, environ):
  """The MiB an hour by which the server grew after the warm-up, how far that may be off, and what
  was done."""
  async with served(EXAMPLE, environ=KEYS | environ) as server, trio.open_nursery() as nursery:
    churn = Churn(server, await api_of(server))
    for worker in range(workers):
      nursery.start_soon(churn.work, f"{seed}:{worker}")
    began, points = time.monotonic(), []
    while (passed := time.monotonic() - began) < 60 * minutes:
      await trio.sleep(5)
      points.append((passed, resident(server.process.pid)))
      if len(points) % 12 == 0:
        print(f"{passed / 60:5.1f} min {points[-1][1]:7.1f} MiB {dict(churn.done)}", flush=True)
    nursery.cancel_scope.cancel()
  assert server.process.returncode == 0, server.errors.decode()[-2000:]
  return *growth([point for point in points if point[0] > 60 * warm_up]), churn.done


def growth(points):
  """The slope of (seconds, MiB) as MiB an hour, and by how much it may be off either way (95 %).
  Neighbours are alike, so the means of a minute count as one look each."""
  minutes = {}
  for at, held in points:
    minutes.setdefault(int(at // 60), []).append(held)
  x, y = list(minutes), [statistics.fmean(held) for held in minutes.values()]
  if len(x) < 3:
    raise SystemExit("too short: three minutes after the warm-up are the least")
  slope, start = statistics.linear_regression(x, y)
  rest = sum((held - start - slope * at) ** 2 for at, held in zip(x, y, strict=True))
  middle = statistics.fmean(x)
  error = (rest / (len(x) - 2) / sum((at - middle) ** 2 for at in x)) ** 0.5
  # Of Student's distribution, for so many degrees of freedom or a little more.
  often = next(t for free, t in STUDENT if len(x) - 2 <= free)
  return slope * 60, error * often * 60


def main(arguments):
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--minutes", type=float, default=10)
  parser.add_argument("--warm-up", type=float, default=3, help="minutes that are not counted")
  parser.add_argument("--workers", type=int, default=6)
  parser.add_argument("--seed", type=int, default=int(time.time()))
  parser.add_argument("--most", type=float, default=10, help="MiB an hour")
  given = parser.parse_args(arguments)
  slope, off, done = trio.run(run, given.minutes, given.warm_up, given.workers, given.seed, {})
  print(f"seed {given.seed}; {slope:+.1f} ± {off:.1f} MiB an hour after the warm-up; {dict(done)}")
  return int(slope - off > given.most)


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
