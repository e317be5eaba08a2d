import httpx
import msgspec
import pytest
import trio
from bond_sim.binance.config import BinanceConfig, serve_binance

from bond_core import Registry, load_spec, run
from bond_core._events import decode


class Venue:
  """A simulated Binance in this process, reached over its socket only."""

  def __init__(self, url):
    self.url = url

  async def fault(self, written):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
      answer = await client.post("/_sim/faults", json={"fault": written})
    assert answer.status_code == 201, answer.text

  async def stats(self):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
      return (await client.get("/_sim/stats")).json()


@pytest.fixture
def start(nursery):
  async def begin(**options):
    return Venue(await nursery.start(serve_binance, BinanceConfig(port=0, **options)))

  return begin


class Running:
  """A spec that runs: what came out so far, and the result when it has stopped."""

  def __init__(self, path):
    self.result = None
    self._path = path

  @property
  def events(self):
    text = self._path.read_bytes() if self._path.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
      try:
        found.append(decode(line))
      except msgspec.ValidationError:
        # The head of a recording is no event.
        continue
    return found

  def of(self, kind, **fields):
    return [
      event
      for event in self.events
      if type(event) is kind and all(getattr(event, k) == v for k, v in fields.items())
    ]

  async def until(self, condition, within=15):
    with trio.fail_after(within):
      while not condition():
        await trio.sleep(0.05)


@pytest.fixture
def running(tmp_path):
  """Runs `sources` (YAML) for as long as a block, or until they have failed."""
  from contextlib import asynccontextmanager

  @asynccontextmanager
  async def begin(sources, name="run"):
    path = tmp_path / f"{name}.jsonl"
    rows = "".join(f"  {key}: {value}\n" for key, value in sources.items())
    spec = load_spec(
      f"sources:\n{rows}sinks:\n  out: {{use: core.jsonl, from: {sorted(sources)}, "
      f"with: {{path: '{path}'}}}}\n",
      registry=Registry(),
    )
    found, stop = Running(path), trio.Event()
    async with trio.open_nursery() as nursery:

      async def work():
        found.result = await run(spec, stop=stop)

      nursery.start_soon(work)
      yield found
      stop.set()

  return begin
