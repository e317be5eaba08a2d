"""The rules of the house that no single package owns."""

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import known

ROOT = Path(__file__).parent.parent
CORE = ROOT / "bond_core"
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
PUBLIC = """
  bond_core bond_core.__main__ bond_core.books bond_core.config bond_core.feeds
  bond_core.hosting bond_core.logs bond_core.packages bond_core.services bond_core.sessions
  bond_core.specs
  bond_core.testing bond_core.venues bond_core.websockets
""".split()
PROTOCOL = sorted(ROOT.glob("plugins/bond-broker/bond_broker/protocol/*.py"))
LIBRARIES = {
  "bond_bridge",
  "bond_commandkit",
  "bond_bookkit",
  "bond_expressions",
  "bond_geyser",
  "bond_recordkit",
  "bond_server",
  "bond_simkit",
  "bond_social",
  "bond_venuekit",
}
"""Packages that other plugins may stand on; the others are components, which nobody imports."""
EXTENDED = {"bond-llm-parser": {"bond_english"}}
"""Components that one package extends, which is nothing without them."""


def module_of(plugin):
  return plugin.replace("-", "_")


def sources(folder):
  return [path for path in sorted(folder.rglob("*.py")) if not path.name.endswith("_pb2.py")]


def name_of(path, base):
  parts = path.relative_to(base).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
  """Every module that a file imports, also inside functions and for type checkers: for each, the
  module and what it could be with the name that is taken from it."""
  for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
    if isinstance(node, ast.Import):
      yield from ((alias.name, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path} imports relatively"
      yield from ((node.module, f"{node.module}.{alias.name}") for alias in node.names)


def tops(path):
  return {module.split(".")[0] for module, _ in imports(path)}


def is_private(module):
  return any(part.startswith("_") and not part.startswith("__") for part in module.split("."))


# Who imports whom ---------------------------------------------------------------------------------


def test_the_core_knows_no_plugin():
  ours = {module_of(plugin) for plugin in PLUGINS}
  assert [(path, tops(path) & ours) for path in sources(CORE) if tops(path) & ours] == []
  texts = {path: path.read_text(encoding="utf-8") for path in sources(CORE)}
  assert [(path, name) for path, text in texts.items() for name in ours if name in text] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_only_what_is_public(plugin):
  package = ROOT / "plugins" / plugin / module_of(plugin)
  assert package.is_dir()
  found = [
    (path.name, full)
    for path in sources(package)
    for module, full in imports(path)
    if module.split(".")[0] == "bond_core" and (is_private(full) or module not in PUBLIC)
  ]
  assert found == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_stands_only_on_libraries_and_says_so(plugin):
  folder = ROOT / "plugins" / plugin
  ours = {module_of(other) for other in PLUGINS}
  used = set().union(*(tops(path) for path in sources(folder / module_of(plugin)))) & ours
  used -= {module_of(plugin)}
  assert used <= LIBRARIES | EXTENDED.get(plugin, set())
  project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
  extras = project.get("optional-dependencies", {}).values()
  needed = [*project["dependencies"], *(line for extra in extras for line in extra)]
  assert used <= {module_of(line.split(">")[0]) for line in needed}


@pytest.mark.parametrize("package", ["bond_core", *PLUGINS])
def test_no_files_import_each_other(package):
  base = ROOT if package == "bond_core" else ROOT / "plugins" / package
  files = {name_of(path, base): path for path in sources(base / module_of(package))}
  # A front door is imported by what stands behind it, and says lazily what that is.
  graph = {name: set() for name in files}
  for name, path in files.items():
    if path.name != "__init__.py":
      graph[name] = {full if full in files else module for module, full in imports(path)}
      graph[name] = (graph[name] & files.keys()) - {name}
  assert circle_in(graph) is None


def circle_in(graph):
  """The files of a circle, None where there is none."""
  done = set()

  def visit(name, above):
    if name in above:
      return [*above[above.index(name) :], name]
    if name not in done:
      for other in sorted(graph[name]):
        if found := visit(other, [*above, name]):
          return found
      done.add(name)
    return None

  for name in sorted(graph):
    if found := visit(name, []):
      return found
  return None


def test_a_circle_would_be_found():
  assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c", "b"]
  assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_protocol_logic_does_no_io():
  rooms = [*CORE.glob("_books/*.py"), *CORE.glob("_venues/*.py"), *CORE.glob("_spec/*.py")]
  files = {*rooms, *CORE.glob("_types/*.py")}
  # It imports a configuration's own function by its name, and is told what the imports say.
  files -= {CORE / "_spec" / "functions.py"}
  for name in (
    "_events.py _instruments.py _redact.py _supervise.py _feeds/contract.py _feeds/liveness.py "
    "_feeds/rate_limit.py _sessions/contract.py _ws/frames.py"
  ).split():
    files.add(CORE / name)
  for package, names in {
    "bond-bookkit": "consolidated.py replica.py skew.py throttle.py view.py",
    "bond-server": "access/credentials.py access/limits.py access/origins.py access/tokens.py",
    "bond-expressions": "checking.py compiling.py functions.py kinds.py language.py "
    "running.py syntax.py",
    "bond-venuekit": "book_sync.py checksum.py config.py fetched_book.py latest.py "
    "numbered.py reading.py repair.py "
    "sequence.py sources.py subscribed_book.py symbols.py trades.py views.py",
    "bond-broker": "delivery/conflate.py delivery/thinning.py "
    + " ".join(f"protocol/{path.name}" for path in PROTOCOL),
  }.items():
    files |= {ROOT / "plugins" / package / module_of(package) / name for name in names.split()}
  # Types of components are told apart from what runs them: they may name trio, for annotations.
  forbidden = {"socket", "asyncio", "threading", "time", "httpx"}
  for path in sorted(files):
    allowed = {"trio"} if path.parent.name == "_types" else set()
    assert not tops(path) & ({"trio", *forbidden} - allowed), path


# What is public -----------------------------------------------------------------------------------


def test_the_public_modules_are_these():
  files = [name_of(path, ROOT) for path in sources(CORE)]
  assert sorted(name for name in files if not is_private(name)) == sorted(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "bond_core.__main__"])
def test_a_public_module_says_what_it_is_and_what_it_has(name):
  module = importlib.import_module(name)
  assert module.__doc__
  assert len(set(module.__all__)) == len(module.__all__)
  for public in module.__all__:
    assert not public.startswith("_") or public == "__version__"
    assert getattr(module, public) is not None
  with pytest.raises(AttributeError):
    _ = module.Nonsense


def test_the_names_of_the_front_door_are_these():
  import bond_core

  assert bond_core.__all__ == sorted(
    """
    Aliases AnyEvent AuthContext AuthError AuthType AuthUnavailable Authenticator Batch Bbo
    BboState BondError Bounds CHANNELS Candle ChainEvent ChainKind Channel Clock CommandType
    Consolidated ConsolidatedLevel Credentials Custom DataClock Disconnected Duration
    EVENT_TYPES Event Expired Funding Gap GapReason Heartbeat Instrument Level Liquidation
    LogType Market MarketEvent MarketType NoConfig OpenInterest OrderBook Out ParserType Plugin
    PluginError Post Principal Reading Refused Registry RetryAfter RewriteProblem Rewritten
    RunResult Secret SecretMissing ServiceType Side SimulatorType Sink SinkContext SinkType Size
    SourceContext SourceType Spec SpecError StreamTokens SystemClock Ticker TimedTransform Trade
    Transform TransformContext TransformType Unavailable Unchanged UpdateType VenueQuote VenueState
    Window __version__ check_events decode encode epoch_ms hookimpl leaf leaves load_spec
    open_events parse_market parse_symbol run sentence
    """.split()
  )
  with pytest.raises(AttributeError, match="no public name 'Nonsense'"):
    _ = bond_core.Nonsense


def test_the_names_for_type_checkers_are_the_same():
  tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
  block = next(node for node in tree.body if isinstance(node, ast.If))
  names = {alias.asname for node in block.body for alias in node.names}
  import bond_core

  assert names | {"__version__"} == set(bond_core.__all__)


def test_what_the_core_knows_of_packages_that_are_not_installed_is_what_they_offer():
  found = json.loads(known.FILE.read_text(encoding="utf-8"))
  assert found == json.loads(json.dumps(known.known())), "run python -m tests.known"


def test_the_core_stays_small():
  lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(CORE))
  assert lines < 13_500


# At work ------------------------------------------------------------------------------------------


def run_python(code):
  return subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
  )


def test_importing_the_core_imports_nothing_heavy():
  done = run_python(
    "import sys, bond_core, bond_core._cli.main\n"
    "heavy = {'trio', 'httpx', 'rich', 'ccxt', 'yaml', 'cattrs', 'websockets', 'pluggy'}\n"
    "print(sorted(heavy & set(sys.modules)))"
  )
  assert done.stdout.strip() == "[]", done.stderr


def test_pluggy_is_not_reached_after_start_up(tmp_path):
  """Running a pipeline of a source, transforms and a sink calls no hook at all."""
  spec = tmp_path / "s.yaml"
  spec.write_text(
    "sources: {c: {use: clock.ticks, with: {seconds: 0.01}}}\n"
    f"sinks: {{o: {{use: core.jsonl, from: c, with: {{path: {tmp_path}/o.jsonl}}}}}}\n"
  )
  done = run_python(
    "import trio, pluggy._manager as m\n"
    "from bond_core import Registry, load_spec, run\n"
    f"spec = load_spec(open({str(spec)!r}).read(), registry=Registry())\n"
    "def reached(*a, **k): raise AssertionError('a hook was called')\n"
    "m.PluginManager._hookexec = reached\n"
    "import pluggy._hooks as h\n"
    "h.HookCaller.__call__ = reached\n"
    "result = trio.run(lambda: run(spec, duration=1))\n"
    "assert result.events > 1 and not result.failures, result\n"
    "print('ran', result.events)"
  )
  assert done.stdout.startswith("ran"), done.stderr
