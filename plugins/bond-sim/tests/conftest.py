import gzip
import json
import os
from pathlib import Path

import httpx
import pytest
import trio
from bond_sim.binance.config import BinanceConfig, serve_binance
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.okx.config import OkxConfig, serve_okx
from websockets.exceptions import ConnectionClosed
from websockets.trio.client import connect

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared")) / "data"


async def read(ws, *, quiet=0.3, until=None):
  """Messages as (raw text, decoded), until the connection ends or is quiet, or `until` says so. The
  first may take longer."""
  found = []
  try:
    while True:
      with trio.move_on_after(quiet if found else 5) as scope:
        text = await ws.recv()
      if scope.cancelled_caught:
        return found
      found.append((text, _decoded(text)))
      if until is not None and until(found):
        return found
  except ConnectionClosed:
    return found


def _decoded(text):
  try:
    return json.loads(text)
  except ValueError:
    return None


def trade_ids(messages):
  return [m["data"]["t"] for _, m in messages if m and m.get("stream", "").endswith("@trade")]


class Sim:
  """A running simulator as a test sees it: over its socket only."""

  def __init__(self, url):
    self.url = url
    self.host, port = url.removeprefix("http://").split(":")
    self.port = int(port)
    self.ws_url = url.replace("http://", "ws://")

  def connect(self, path, **options):
    options = {"max_queue": None, "ping_interval": None, "close_timeout": 1, **options}
    return connect(self.ws_url + path, **options)

  async def get(self, path):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
      return await client.get(path)

  async def fault(self, written):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
      return await client.post("/_sim/faults", json={"fault": written})

  async def end_faults(self):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
      return (await client.delete("/_sim/faults")).json()

  async def faults(self):
    return (await self.get("/_sim/faults")).json()

  async def stats(self):
    return (await self.get("/_sim/stats")).json()

  read = staticmethod(read)
  trade_ids = staticmethod(trade_ids)

  async def finished(self):
    with trio.fail_after(60):
      while not (await self.stats())["finished"]:
        await trio.sleep(0.02)


@pytest.fixture
def start(nursery):
  async def begin(**options):
    options = {"settle": 0.05, **options}
    return Sim(await nursery.start(serve_binance, BinanceConfig(port=0, **options)))

  return begin


@pytest.fixture
def start_okx(nursery):
  async def begin(**options):
    return Sim(await nursery.start(serve_okx, OkxConfig(port=0, **options)))

  return begin


@pytest.fixture
def start_bybit(nursery):
  async def begin(**options):
    return Sim(await nursery.start(serve_bybit, BybitConfig(port=0, **options)))

  return begin


TRADES, DEPTHS = 600, 200
FIRST_TRADE, FIRST_UPDATE = 1000, 5000


@pytest.fixture
def recording(tmp_path):
  """600 trades a millisecond apart and 200 depth messages between them, ids contiguous."""
  start_ns = 1_700_000_000_000_000_000
  lines = []
  levels = json.dumps([[f"{100 - i}.00", "1.000"] for i in range(5)])
  asks = json.dumps([[f"{101 + i}.00", "1.000"] for i in range(5)])
  update = FIRST_UPDATE
  for i in range(TRADES):
    at = start_ns + i * 1_000_000
    trade = (
      f'{{"e":"trade","E":{at // 1_000_000},"s":"BTCUSDT","t":{FIRST_TRADE + i},"p":"100.50",'
      f'"q":"0.{i % 9 + 1}","T":{at // 1_000_000},"m":true,"M":true}}'
    )
    lines.append(f'{at} {{"stream":"btcusdt@trade","data":{trade}}}')
    if i == 4:
      body = f'{{"lastUpdateId":{FIRST_UPDATE + 1},"bids":{levels},"asks":{asks}}}'
      lines.append(f"{at} {body}")
    if i % 3 == 0:
      depth = (
        f'{{"e":"depthUpdate","E":{at // 1_000_000},"s":"BTCUSDT","U":{update},"u":{update + 1},'
        f'"b":[["100.00","{i + 1}.000"],["95.00","{i % 2}.000"]],"a":[]}}'
      )
      lines.append(f'{at} {{"stream":"btcusdt@depth@100ms","data":{depth}}}')
      update += 2
  path = tmp_path / "recording.gz"
  path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
  return str(path)


@pytest.fixture
def shared():
  """Recorded data beside the project; skips the test where it is absent."""

  def paths(*names):
    found = [SHARED / name for name in names]
    for path in found:
      if not path.exists():
        pytest.skip(f"{path.name} is not beside the project; set BOND_SHARED to where it is")
    return [str(path) for path in found]

  return paths
