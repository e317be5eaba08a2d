"""bond new: each kind of package is written, and its own tests, type checks and lints pass."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bond_new.capture import read_capture
from bond_new.package import KINDS, write_package
from bond_new.structs import by_kind

from bond_core import BondError

SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[4] / "shared"))
RECORDED = SHARED / "data" / "captures"


@pytest.fixture(scope="module")
def types(tmp_path_factory):
  """Where mypy keeps what it knows of the packages that all of these import."""
  return {"MYPY_CACHE_DIR": str(tmp_path_factory.mktemp("mypy"))}


def installed(package):
  """The environment in which a package is importable, with its entry points, as installed."""
  name = package.name
  info = package / f"{name.replace('-', '_')}-0.1.0.dist-info"
  info.mkdir()
  (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
  plugin = name.removeprefix("bond-")
  (info / "entry_points.txt").write_text(f"[bond]\n{plugin} = bond_{plugin}\n")
  return {**os.environ, "PYTHONPATH": str(package)}


def passes(package, *command, env):
  done = subprocess.run(
    [sys.executable, "-m", *command],
    cwd=package,
    env=env,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_passes_its_own_tests_and_checks(kind, types, tmp_path):
  package = write_package(kind, f"try{kind}", tmp_path)
  assert package == tmp_path / f"bond-try{kind}"
  texts = {path: path.read_text() for path in package.rglob("*") if path.is_file()}
  assert [path for path, text in texts.items() if "@name@" in text or "@module@" in text] == []
  names = {path.relative_to(package).as_posix() for path in texts}
  assert {"README.md", "pyproject.toml", ".gitignore", ".github/workflows/ci.yml"} <= names
  assert f"bond_try{kind}/py.typed" in names
  env = installed(package) | types
  assert " passed" in passes(package, "pytest", "-p", "no:cacheprovider", env=env)
  passes(package, "mypy", env=env)
  passes(package, "ruff", "format", "--check", "--no-cache", ".", env=env)
  passes(package, "ruff", "check", "--no-cache", ".", env=env)


def explained(requests, env):
  """What installed parsers make of each request."""
  lines = subprocess.run(
    [sys.executable, "-m", "bond_core", "explain", "--json", "-"],
    input="\n".join(requests),
    env=env,
    capture_output=True,
    text=True,
    timeout=120,
    check=True,
  ).stdout.splitlines()
  return [json.loads(line) for line in lines]


def test_what_is_written_is_asked_for_in_plain_english(tmp_path):
  env = installed(write_package("venue", "lumenex", tmp_path))
  env["PYTHONPATH"] += (
    os.pathsep + installed(write_package("source", "tides", tmp_path))["PYTHONPATH"]
  )
  asked = {
    "BTC trades on lumenex": {"lumenex.trades": {"symbols": ["BTC/USDT"]}},
    "lumenex ETH/BTC order book, depth 20": {
      "lumenex.orderbook": {"symbols": ["ETH/BTC"], "depth": 20}
    },
    "SOL price on lumenex every 5s": {
      "lumenex.trades": {"symbols": ["SOL/USDT"]},
      "lumenex.ticker": {"symbols": ["SOL/USDT"]},
    },
    "tides prices of BTC/USDT": {"tides.prices": {"symbols": ["BTC/USDT"]}},
  }
  answers = explained([*asked, "BTC trades on all exchanges", "BTC funding on lumenex"], env)
  for answer, expected in zip(answers, asked.values(), strict=False):
    assert answer["can_start"], answer
    found = {source["use"]: source["with"] for source in answer["spec"]["sources"].values()}
    assert found == expected
  everywhere, lacking = answers[-2:]
  uses = {source["use"] for source in everywhere["spec"]["sources"].values()}
  assert {"binance.trades", "lumenex.trades"} <= uses
  assert lacking["missing"] == ["funding rate on lumenex: no package is known that offers this"]
  # Without it nobody knows the word.
  (unknown,) = explained(["BTC trades on lumenex"], dict(os.environ))
  assert unknown["can_start"] is False


@pytest.mark.parametrize(
  ("name", "sentence"),
  [
    ("My-Venue", "is no name for a plugin; use lower case"),
    ("1st", "is no name for a plugin"),
    ("binance", "bond-binance is a package of Bond's own"),
    ("core", "choose another name"),
  ],
)
def test_a_name_that_cannot_be_used_is_refused_in_a_sentence(name, sentence, tmp_path):
  with pytest.raises(BondError, match=sentence):
    write_package("source", name, tmp_path)
  assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_written_over(tmp_path):
  write_package("sink", "mine", tmp_path)
  with pytest.raises(BondError, match="is there already"):
    write_package("sink", "mine", tmp_path)


def test_the_command_says_what_comes_next(tmp_path):
  done = subprocess.run(
    [sys.executable, "-m", "bond_core", "new", "transform", "mine"],
    cwd=tmp_path,
    capture_output=True,
    text=True,
    check=True,
  )
  assert done.stdout.splitlines() == [
    "bond-mine is written; next:",
    "  cd bond-mine",
    "  pip install --upgrade 'pip>=25.1'",
    "  pip install --group test -e .",
    "  pytest",
  ]
  assert (Path(tmp_path) / "bond-mine" / "bond_mine" / "large.py").exists()


# From a capture -----------------------------------------------------------------------------------

CAPTURE = """\
wss://venue.example.com/ws <-> 1633998513.1
wss://venue.example.com/ws <- 1633998513.2: {"op":"subscribe","args":["trades.BTCUSDT"]}
1633998513.3: {"op":"subscribed","args":["trades.BTCUSDT"]}
1633998513.4: {"topic":"trades.BTCUSDT","data":[{"p":"100.5","q":"1","class":"x","tradeId":7}]}
1633998513.5: {"topic":"trades.ETHUSDT","data":[{"p":"10","q":"2","class":"y","tradeId":8,"m":1}]}
1633998513.6: {"topic":"book.BTCUSDT","data":{"bids":[["1.5","2"],["3","4"]],"asks":[["5.5","6"]]}}
1633998513.7: cut off {"topic":
https://venue.example.com/v1/markets?kind=spot -> 1633998514.0: [{"symbol":"BTCUSDT","tick":"0.1"}]
"""


def passes_as_captured(package, types):
  env = {**os.environ, "PYTHONPATH": str(package), **types}
  given = ("-p", "no:cacheprovider", "tests/test_captured.py")
  assert " passed" in passes(package, "pytest", *given, env=env)
  passes(package, "mypy", env=env)
  passes(package, "ruff", "format", "--check", "--no-cache", ".", env=env)
  passes(package, "ruff", "check", "--no-cache", ".", env=env)


def test_a_capture_becomes_structs_and_fixtures(types, tmp_path):
  file = tmp_path / "frames.gz"
  file.write_bytes(gzip.compress(CAPTURE.encode()))
  capture = read_capture(file)
  assert (len(capture.received), len(capture.sent), capture.skipped) == (4, 1, 1)
  package = write_package("venue", "mine", tmp_path, capture)
  module = (package / "bond_mine" / "captured.py").read_text()
  for line in (
    "- opened: wss://venue.example.com/ws",
    '- sent: {"op":"subscribe","args":["trades.BTCUSDT"]}',
    "class TradesData(msgspec.Struct):",
    "  p: float",
    '  field_class: str = msgspec.field(name="class")',
    '  trade_id: int = msgspec.field(name="tradeId")',
    "  m: int | None = None",
    "  bids: list[list[float]]",
    '  "book": Book,',
    '  "GET /v1/markets": list[GETV1Markets],',
  ):
    assert line in module.splitlines()
  frames = [
    json.loads(line) for line in (package / "tests" / "frames.jsonl").read_text().splitlines()
  ]
  assert [entry["kind"] for entry in frames] == [
    *("trades", "trades", "subscribed"),
    *("book", "GET /v1/markets"),
  ]
  passes_as_captured(package, types)


@pytest.mark.parametrize(
  ("name", "kinds"),
  [
    ("OKX.ws.1.0.gz", ["books", "trades", "tickers"]),
    ("BINANCE.ws.1.0.gz", ["depthUpdate", "bookTicker", "aggTrade", "kline"]),
    ("KRAKEN.ws.50.0.gz", ["list of 4", "heartbeat", "subscriptionStatus", "systemStatus"]),
    ("BINANCE.http.0.0.gz", ["GET /api/v3/depth"]),
  ],
)
def test_real_captures_become_structs(name, kinds, types, tmp_path):
  file = RECORDED / name
  if not file.exists():
    pytest.skip(f"{file} is not there; it holds recorded frames of venues")
  capture = read_capture(file)
  assert list(by_kind(capture))[: len(kinds)] == kinds
  passes_as_captured(write_package("source", "recorded", tmp_path, capture), types)


@pytest.mark.parametrize(
  ("content", "sentence"),
  [
    (b"no frames at all\n", "has no frames; a line is a JSON message"),
    (gzip.compress(CAPTURE.encode(), mtime=0)[:40], "has no frames"),
    (b"\x1f\x8bnot gzip", "is a damaged gzip file"),
    ("\n".join(f'{{"e":"kind{n}"}}' for n in range(60)).encode(), "has 60 kinds of messages"),
  ],
)
def test_a_capture_that_cannot_be_used_is_refused_in_a_sentence(content, sentence, tmp_path):
  file = tmp_path / "capture"
  file.write_bytes(content)
  with pytest.raises(BondError, match=sentence):
    write_package("source", "mine", tmp_path, read_capture(file))
  assert not (tmp_path / "bond-mine").exists()
