"""What was simulated says so on every route, and never comes back as a venue's: a matrix of mode,
restart and route, with nothing but the command, sockets, HTTP and files."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.sync.client import connect

BOND = [sys.executable, "-m", "bond_core"]
MARKET = """
name: market
sources:
  trades: {use: binance.trades, with: {symbols: [BTC/USDT]}}
  books: {use: binance.orderbook, with: {symbols: [BTC/USDT]}}
"""
RECORDED = """
name: recorded
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT]}}}}
transforms:
  notional: {{use: core.project, from: trades, with: {{fields: {{notional: price * size}}}}}}
  windows: {{use: core.window, from: trades, with: {{every: 500ms}}}}
sinks:
  file: {{use: core.jsonl, from: [trades, notional, windows], with: {{path: {path}}}}}
"""
WINDOWS = {
  "name": "windows",
  "sources": {"t": {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}}},
  "transforms": {"w": {"use": "core.window", "from": "t", "with": {"every": "500ms"}}},
}
# What a live server has here without a network: a clock, and posts that its own configuration
# simulates.
LIVE = """
name: live
sources:
  clock: {use: clock.ticks, with: {seconds: 0.1}}
  posts: {use: x.posts, with: {symbols: [BTC], mode: mock}}
"""
TICKS = {"name": "ticks", "sources": {"c": {"use": "clock.ticks", "with": {"seconds": 0.05}}}}
DATA = ("trade", "orderbook", "custom", "post", "window", "ticker", "gap")


class Server:
  """A running `bond serve`."""

  def __init__(self, process):
    self.process = process
    self.said = ""
    self.reader = threading.Thread(target=self._read, daemon=True)
    self.reader.start()

  def start(self):
    self.broker = self.said_like(r"broker: ws://(\S+)")[1]
    self.api = self.said_like(r"api: (http://\S+)")[1]

  def _read(self):
    for line in self.process.stderr:
      self.said += line

  def said_like(self, pattern, within=30):
    until = time.monotonic() + within
    while (found := re.search(pattern, self.said)) is None:
      assert time.monotonic() < until, self.said
      assert self.process.poll() is None, self.said
      time.sleep(0.02)
    return found

  def get(self, path, url=None):
    with urllib.request.urlopen(f"{url or self.api}{path}", timeout=60) as answer:
      return json.load(answer)

  def figures(self):
    return self.get("/metrics", f"http://{self.broker}")

  def post(self, spec):
    request = urllib.request.Request(
      f"{self.api}/v1/streams",
      json.dumps({"spec": spec}).encode(),
      {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
      return json.load(answer)

  def read(self, path, count, *, within=15, kinds=DATA, **subscription):
    """The messages up to so many events, or all that came in time."""
    url = path if "://" in path else f"ws://{self.broker}{path}"
    found, until = [], time.monotonic() + within
    with connect(url, compression=None, close_timeout=0.1) as socket:
      if subscription:
        socket.send(json.dumps({"type": "subscribe", **subscription}))
      while sum(one.get("type", "window") in kinds for one in found) < count:
        try:
          found.append(json.loads(socket.recv(max(0.01, until - time.monotonic()))))
        except TimeoutError:
          break
    return found


@contextlib.contextmanager
def serving(*arguments, **environment):
  process = subprocess.Popen(
    [*BOND, "serve", "--port", "0", "--api-port", "0", *map(str, arguments)],
    stderr=subprocess.PIPE,
    text=True,
    env=clean(environment),
  )
  server = Server(process)
  try:
    server.start()
    yield server
  finally:
    process.send_signal(signal.SIGTERM)
    try:
      process.wait(15)
    finally:
      process.kill()
      process.wait()
      server.reader.join()
      process.stderr.close()


def refused(*arguments):
  """What a server says that does not start."""
  done = subprocess.run(
    [*BOND, "serve", "--port", "0", "--api-port", "0", *map(str, arguments)],
    stderr=subprocess.PIPE,
    text=True,
    timeout=120,
    check=False,
    env=clean({}),
  )
  assert done.returncode
  return done.stderr


def clean(environment):
  kept = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  return {**kept, **environment}


def events(messages):
  return [one for one in messages if one.get("type", "window") in DATA and not of_server(one)]


def of_server(message):
  """The pause between two runs is the server's own."""
  return message.get("type") == "gap" and message["exchange"] == "*"


def marked(message):
  if message.get("type", "window") == "window":
    return bool(message["raw_data"].get("simulated"))
  return message.get("simulated") is True


@pytest.fixture(scope="module")
def history(tmp_path_factory):
  """One folder used by a server of simulators, a live one, both again; what each route gave."""
  folder = tmp_path_factory.mktemp("modes")
  data, recording = folder / "data", folder / "recorded.jsonl"
  market, recorded, live = (folder / f"{name}.yaml" for name in ("market", "recorded", "live"))
  market.write_text(MARKET)
  recorded.write_text(RECORDED.format(path=recording))
  live.write_text(LIVE)
  ticks_spec = folder / "ticks.yaml"
  ticks_spec.write_text(json.dumps(TICKS))
  found = {"folder": folder, "data": data, "ticks spec": ticks_spec, "recording": recording}
  with serving("--sim", "--data", data, market, recorded) as server:
    window = server.post(WINDOWS)
    found["window"] = window["stream_id"]
    routes = {
      "windows": (window["ws_url"], 2, {}),
      "stream": ("/stream", 20, {"channels": ["trades", "orderbook"]}),
      "deltas": ("/stream", 10, {"channels": ["orderbook"], "deltas": True}),
      "compact": ("/stream", 20, {"channels": ["trades"], "compact": True}),
      "raw": ("/raw", 20, {}),
      "replay": ("/stream", 20, {"from": "now-1m", "channels": ["trades"]}),
      "replay of views": ("/stream", 5, {"from": "now-1m", "channels": ["orderbook"]}),
      "consolidated": ("/stream", 3, {"channels": ["orderbook"], "consolidated": True}),
      "windows again": (f"{window['ws_url']}&from=now-1m", 4, {}),
    }
    with ThreadPoolExecutor(len(routes)) as pool:
      reads = {
        route: pool.submit(server.read, path, count, **given)
        for route, (path, count, given) in routes.items()
      }
    found["routes"] = {route: read.result() for route, read in reads.items()}
    own = {"channels": ["trades"], "symbols": ["BTC/USDT"], "exchanges": ["binance"], "raw": True}
    found["own"] = server.read("/stream", 5, kinds=("raw",), **own)
    found["sim listed"] = server.get("/v1/streams")
    found["sim figures"] = server.get(f"/v1/streams/{window['stream_id']}/metrics")
    found["sim health"] = server.get("/health")
    found["sim metrics"] = server.figures()
    ack = next(one for one in found["routes"]["stream"] if one["type"] == "system")
    found["place"] = f"{ack['epoch']}:{ack['seq']}"
  with serving("--data", data, live) as server:
    server.read("/raw", 1, kinds=("post",))
    found["live replay"] = server.read("/raw?from=now-10m", 60, within=4)
    resumed = {"from": found["place"], "channels": ["trades", "orderbook"]}
    found["live resume"] = server.read("/stream", 1, kinds=("system",), **resumed)
    found["live listed"] = server.get("/v1/streams")
    found["live said"] = server.said
    ticks = server.post(TICKS)
    found["ticks"] = ticks["stream_id"]
    found["ticks of live"] = server.read(ticks["ws_url"], 5)
    found["live metrics"] = server.figures()
  with serving("--sim", "--data", data, market) as server:
    found["sim again"] = server.read("/raw?from=now-10m", 60)
    found["sim again listed"] = server.get("/v1/streams")
    found["sim again said"] = server.said
    found["sim again windows"] = server.read(f"/ws/{found['window']}?from=now-10m", 4)
  with serving("--data", data, ticks_spec, "--no-restore") as server:
    found["unrestored"] = server.get("/v1/streams")
    found["unrestored said"] = server.said
    found["posted again"] = server.post(TICKS)
    found["running again"] = server.get("/v1/streams")
  return found


ROUTES = (
  *("stream", "deltas", "compact", "raw", "replay", "replay of views"),
  *("consolidated", "windows", "windows again"),
)


@pytest.mark.parametrize("route", ROUTES)
def test_all_that_a_server_of_simulators_gives_says_so(history, route):
  got = events(history["routes"][route])
  assert len(got) >= 2
  assert [one for one in got if not marked(one)] == []


def test_a_venues_own_message_and_each_venue_of_a_book_say_so(history):
  own = [one for one in history["own"] if one["type"] == "raw"]
  assert own
  assert all(one["simulated"] is True for one in own)
  books = [one for one in events(history["routes"]["consolidated"]) if one["exchange"] == "*"]
  assert books[-1]["venues"]["binance"]["simulated"] is True


def test_http_says_so(history):
  assert history["sim health"]["sources"] == {"binance": "simulated"}
  assert history["sim metrics"]["simulated"] == ["binance"]
  assert [one["simulated"] for one in history["sim listed"]] == [["binance"]]
  assert history["sim figures"]["simulated"] == ["binance"]
  assert history["live metrics"]["simulated"] == ["x"]


def test_a_recording_says_so_and_so_does_what_is_made_of_it_later(history):
  lines = [json.loads(line) for line in history["recording"].read_text().splitlines()]
  assert {one["type"] for one in lines} >= {"trade", "custom", "window"}
  assert all(map(marked, lines))
  spec = history["folder"] / "again.yaml"
  spec.write_text(
    f"sources: {{r: {{use: core.jsonl, with: {{path: {history['recording']}}}}}}}\n"
    "transforms:\n"
    "  w: {use: core.window, from: r, with: {every: 1s}}\n"
    "  p: {use: core.project, from: w, with: {fields: {n: price_avg}}}\n"
  )
  done = subprocess.run(
    [*BOND, "run", str(spec), "--json"], capture_output=True, text=True, timeout=120, check=True
  )
  made = [json.loads(line) for line in done.stdout.splitlines()]
  filled = [one for one in made if one["type"] == "custom" and one["data"]["n"] is not None]
  assert filled
  assert all(map(marked, filled))


def test_a_live_server_has_nothing_of_it(history):
  got = events(history["live replay"])
  assert {one["exchange"] for one in got} == {"clock", "x"}
  # What its own configuration simulates is marked, what is real is not.
  assert {(one["exchange"], marked(one)) for one in got} == {("clock", False), ("x", True)}
  assert not any("simulated" in one for one in got if one["exchange"] == "clock")
  assert [one["recovered"] for one in history["live resume"] if one["type"] == "system"] == [False]
  assert history["live listed"] == []
  assert "restored" not in history["live said"]
  assert not any(map(marked, events(history["ticks of live"])))


def test_a_server_of_simulators_comes_back_with_its_own_and_lists_it(history):
  got = events(history["sim again"])
  assert {one["exchange"] for one in got} == {"binance"}
  assert all(map(marked, got))
  assert [one["stream_id"] for one in history["sim again listed"]] == [history["window"]]
  assert f"restored 1 stored streams: windows /ws/{history['window']}" in history["sim again said"]
  assert all(map(marked, events(history["sim again windows"])))


def test_stored_streams_are_left_alone_where_that_is_asked_for(history):
  [left] = history["unrestored"]
  assert (left["stream_id"], left["running"]) == (history["ticks"], False)
  assert "--no-restore" in left["problem"]
  assert "1 stored streams were not restored" in history["unrestored said"]
  assert history["posted again"]["stream_id"] == history["ticks"]
  [runs] = history["running again"]
  assert runs["running"] is True
  assert "problem" not in runs


def test_in_memory_nothing_is_restored_and_no_folder_is_needed(history):
  ticks = str(history["ticks spec"])
  with serving("--memory", ticks, XDG_DATA_HOME="/dev/null/nowhere", HOME="/dev/null") as server:
    assert server.get("/v1/streams") == []
    made = server.post(TICKS)
    assert events(server.read(made["ws_url"], 3))
  # One that is named is for the secret.
  with serving("--memory", "--data", history["data"], ticks) as server:
    assert server.get("/v1/streams") == []
    assert "restored" not in server.said


def test_the_folder_of_one_mode_is_refused_to_the_other(history):
  data = history["data"]
  said = refused("--data", data / "simulated", history["ticks spec"])
  assert "is the folder of a server with --sim" in said
  assert "Traceback" not in said


def test_a_log_that_was_moved_is_refused(history, tmp_path):
  shutil.copytree(history["data"], tmp_path / "data")
  [moved] = (tmp_path / "data/simulated/log").glob("*market")
  shutil.rmtree(tmp_path / "data/log/market")
  moved.rename(tmp_path / "data/log/market")
  said = refused("--data", tmp_path / "data", history["ticks spec"])
  assert "holds the log 'simulated:market', which is not 'market'" in said
  assert "Traceback" not in said


def test_a_table_of_streams_that_lost_what_it_held_is_not_taken_for_an_empty_one(history, tmp_path):
  shutil.copytree(history["data"], tmp_path / "data")
  path = tmp_path / "data/streams.db"
  path.write_bytes(b"")
  said = refused("--data", tmp_path / "data", history["ticks spec"])
  assert f"{path} is empty, so the streams that were stored in it are lost" in said
  assert "Traceback" not in said


def test_a_log_whose_folder_vanishes_says_so_and_goes_on_live(history, tmp_path):
  with serving("--data", tmp_path, history["ticks spec"]) as server:
    assert events(server.read("/raw", 5))
    shutil.rmtree(tmp_path / "log")
    server.said_like(r"market cannot be kept: .*was the folder removed", within=5)
    assert "was the folder removed" in server.figures()["log"]["failure"]
    with pytest.raises(urllib.error.HTTPError, match="503"):
      server.get("/ready")
    assert events(server.read("/raw", 5))


@contextlib.contextmanager
def simulator(venue):
  """A `bond sim`, as somebody starts it to write its address into a spec."""
  command = [*BOND, "sim", venue, "--port", "0", "--json", "--until-eof"]
  pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
  with subprocess.Popen(command, text=True, env=clean({}), **pipes) as process:
    yield process
    process.stdin.close()


POINTED = """
name: pointed
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{binance}"}}}}
  books: {{use: binance.orderbook, with: {{symbols: [BTC/USDT], endpoint: "{binance}"}}}}
  solana: {{use: onchain.solana, with: {{endpoint: "{geyser}"}}}}
  posts: {{use: x.posts, with: {{symbols: [BTC], bearer: {{secret: POSTS}}, endpoint: "{x}"}}}}
"""


MADE = """
name: made
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{binance}"}}}}
transforms:
  notional: {{use: core.project, from: trades, with: {{fields: {{notional: price * size}}}}}}
  windows: {{use: core.window, from: trades, with: {{every: 500ms}}}}
sinks:
  screen: {{use: core.print, from: [trades, notional, windows]}}
"""


def test_a_simulator_that_a_spec_names_by_its_address_says_what_it_is(tmp_path):
  wanted, own = {"binance", "solana", "x"}, ("system", "heartbeat", "live")
  with contextlib.ExitStack() as stack:
    started = {v: stack.enter_context(simulator(v)) for v in ("binance", "geyser", "x")}
    urls = {v: json.loads(process.stdout.readline())["endpoint"] for v, process in started.items()}
    spec, made = tmp_path / "pointed.yaml", tmp_path / "made.yaml"
    spec.write_text(POINTED.format(**urls))
    made.write_text(MADE.format(**urls))
    server = stack.enter_context(serving("--memory", spec, POSTS="a-bearer-of-nothing"))
    found, venues = [], set()
    until = time.monotonic() + 20
    while venues < wanted and time.monotonic() < until:
      found += [one for one in server.read("/raw", 200, within=1) if one["type"] not in own]
      venues = {one["exchange"] for one in found}
    assert venues == wanted
    assert [one for one in found if one.get("simulated") is not True] == []
    assert server.get("/health")["sources"] == dict.fromkeys(wanted, "simulated")
    replayed = events(server.read("/stream", 50, channels=["trades"], **{"from": "now-1m"}))
    assert replayed
    assert all(one.get("simulated") is True for one in replayed)
    run = [*BOND, "run", made, "--duration", "3s", "--json"]
    done = subprocess.run(run, capture_output=True, check=True, env=clean({}), timeout=120)
  shown = [json.loads(line) for line in done.stdout.splitlines()]
  assert {one.get("type", "window") for one in shown} == {"trade", "custom", "window"}
  assert all(marked(one) for one in shown)
