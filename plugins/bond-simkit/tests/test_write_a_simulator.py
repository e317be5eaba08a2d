"""docs/write-a-simulator.md: its package is built as the page says, installed and run."""

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
import types
from contextlib import contextmanager
from pathlib import Path

import bond_simkit
import httpx
import pytest
import trio

from bond_core import Registry, load_spec

PAGE = (Path(__file__).parents[3] / "docs" / "write-a-simulator.md").read_text(encoding="utf-8")


def blocks(language):
  return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M)


SIMULATOR, MODULE, TESTS, GAUGE = blocks("python")
(PROJECT,) = blocks("toml")
(SPEC,) = blocks("yml")  # tests/docs loads those of installed packages only


@pytest.fixture
def installed(tmp_path):
  """A folder with the page's package as pip installs it: its files and its entry points."""
  package = tmp_path / "bond_tide"
  package.mkdir()
  (package / "__init__.py").write_text(MODULE)
  (package / "simulator.py").write_text(SIMULATOR)
  project = tomllib.loads(PROJECT)["project"]
  metadata = tmp_path / f"bond_tide-{project['version']}.dist-info"
  metadata.mkdir()
  head = {"Metadata-Version": "2.1", "Name": project["name"], "Version": project["version"]}
  (metadata / "METADATA").write_text("".join(f"{key}: {value}\n" for key, value in head.items()))
  lines = []
  for group, points in project["entry-points"].items():
    lines += [f"[{group}]", *(f"{name} = {module}" for name, module in points.items())]
  (metadata / "entry_points.txt").write_text("\n".join(lines))
  return tmp_path


@pytest.fixture
def imported(installed, monkeypatch):
  """The page's package in this process."""
  monkeypatch.syspath_prepend(str(installed))
  importlib.invalidate_caches()
  yield importlib.import_module("bond_tide")
  for name in ("bond_tide.simulator", "bond_tide"):
    sys.modules.pop(name, None)


@contextmanager
def module_of(code, name):
  module = types.ModuleType(name)
  sys.modules[name] = module  # attrs looks a class's module up
  try:
    exec(compile(code, "write-a-simulator.md", "exec"), module.__dict__)
    yield module
  finally:
    del sys.modules[name]


def bond(installed, *arguments):
  path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
  return subprocess.run(
    [sys.executable, "-m", "bond_core", *arguments],
    capture_output=True,
    timeout=120,
    cwd=installed,
    env=os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)},
    check=False,
  )


def test_the_entry_points_name_what_the_module_offers(imported):
  points = tomllib.loads(PROJECT)["project"]["entry-points"]
  registry = Registry()
  assert registry.simulator("tide").name == "tide"
  assert points["bond"] == points["bond.simulators"] == {"tide": imported.__name__}
  spec = load_spec(SPEC, registry=registry)
  assert spec.sources["tide"].type.simulated_by(spec.sources["tide"].config) == "tide"


def test_a_spec_runs_against_the_simulator(installed):
  (installed / "tide.yaml").write_text(SPEC)
  done = bond(installed, "run", "--sim", "--duration", "2s", "--json", "tide.yaml")
  assert done.returncode == 0, done.stderr.decode()
  events = [json.loads(line) for line in done.stdout.splitlines()]
  ids = [int(event["trade_id"]) for event in events if event["type"] == "trade"]
  assert len(ids) > 3
  assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_the_tests_of_the_page_pass(imported):
  with module_of(TESTS, "page_tests") as module:
    found = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(found) == 2
    for test in found:
      with trio.fail_after(60):
        if (result := test()) is not None:
          await result


async def test_the_simulator_keeps_its_limits_and_explains_itself(imported, nursery):
  simulator = importlib.import_module("bond_tide.simulator")
  url = await nursery.start(simulator.serve_tide, simulator.TideConfig(port=0, speed=100))
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    assert (await client.get("/markets")).json() == {"markets": ["BTC-USD", "ETH-USD"]}
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    statuses = [(await client.get("/stream", headers=upgrade)).status_code for _ in range(21)]
    assert statuses == [400] * 20 + [429]  # no WebSocket key: the attempt counts
    assert (await client.post("/_sim/faults", json={"fault": "429:1m"})).status_code == 201
    refused = await client.get("/markets")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert [fault["kind"] for fault in (await client.delete("/_sim/faults")).json()] == ["429"]
    stats = (await client.get("/_sim/stats")).json()
    assert (stats["refused"], stats["requests"]) == (1, {"GET /markets": 2})
    assert set(stats["unheard"]) <= {"BTC-USD", "ETH-USD"}
  nursery.cancel_scope.cancel()


async def test_a_client_that_sends_nonsense_is_disconnected_and_the_server_goes_on(
  imported, nursery
):
  from bond_core import Disconnected
  from bond_core.websockets import open_websocket

  simulator = importlib.import_module("bond_tide.simulator")
  url = await nursery.start(simulator.serve_tide, simulator.TideConfig(port=0))
  with trio.fail_after(60):
    for message in (b"{", b"[]", b'{"unsubscribe":"BTC-USD"}'):
      async with open_websocket(url.replace("http", "ws") + "/stream") as ws:
        await ws.send(message)
        with pytest.raises(Disconnected, match="1003"):
          await ws.receive()
    async with open_websocket(url.replace("http", "ws") + "/stream") as ws:
      await ws.send(b'{"subscribe":"DOGE-USD"}')
      assert await ws.receive() == [b'{"error":"no market DOGE-USD"}']
  nursery.cancel_scope.cancel()


async def test_the_gauge_has_faults_of_its_own(nursery):
  with module_of(GAUGE, "page_gauge") as module:
    config = module.GaugeConfig(port=0, faults=["skip:40"])
    url = await nursery.start(module.serve_gauge, config)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
      assert (await client.get("/")).json() == {"level": 41}
      assert (await client.post("/_sim/faults", json={"fault": "freeze:1m"})).status_code == 201
      assert [(await client.get("/")).json()["level"] for _ in range(3)] == [41] * 3
      wrong = await client.post("/_sim/faults", json={"fault": "drop"})
      assert wrong.status_code == 400
      assert "is not a fault of the tide gauge" in wrong.json()["error"]
      unknown = await client.get("/_sim/faults")
      assert (unknown.status_code, "POST /_sim/faults" in unknown.text) == (404, True)
    nursery.cancel_scope.cancel()


def test_the_page_has_all_names():
  table = PAGE.partition("## All names")[2]
  names = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in row.split(", ")}
  assert {name.strip("`") for name in names} - {"name of `bond_simkit"} == set(bond_simkit.__all__)


def test_the_front_door_is_enough():
  """bond-sim, which has eight simulators, imports nothing else."""
  folder = Path(__file__).parents[2] / "bond-sim" / "bond_sim"
  found = [
    line
    for path in folder.rglob("*.py")
    for line in re.findall(r"(?:from|import) (bond_simkit\S*)", path.read_text(encoding="utf-8"))
  ]
  assert len(found) > 30
  assert set(found) == {"bond_simkit"}
