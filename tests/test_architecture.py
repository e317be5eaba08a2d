"""The rules of the house that no single package owns."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def imported(folder):
  """(file, top-level module) of every import below a folder, also inside functions."""
  for path in sorted(folder.rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.Import):
        for alias in node.names:
          yield path, alias.name.split(".")[0]
      elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield path, node.module.split(".")[0]


def module_of(plugin):
  return plugin.replace("-", "_")


def test_the_core_imports_no_plugin():
  ours = {module_of(plugin) for plugin in PLUGINS}
  assert [(p, m) for p, m in imported(ROOT / "bond_core") if m in ours] == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_no_other_plugin(plugin):
  others = {module_of(other) for other in PLUGINS if other != plugin}
  package = ROOT / "plugins" / plugin / module_of(plugin)
  assert package.is_dir()
  assert [(p, m) for p, m in imported(package) if m in others] == []


def test_protocol_logic_does_no_io():
  sans_io = [
    *(ROOT / "bond_core").glob("*/*.py"),
    *(ROOT / "bond_core").glob("*.py"),
  ]
  names = {"book", "transforms", "spec", "venue"}
  files = [path for path in sans_io if path.parent.name in names]
  files += [
    ROOT / "bond_core" / name
    for name in (
      "events.py",
      "expr.py",
      "instruments.py",
      "feed/dialect.py",
      "feed/liveness.py",
      "feed/pace.py",
      "auth/credentials.py",
      "auth/limits.py",
      "auth/origins.py",
      "auth/redact.py",
      "auth/tokens.py",
      "log/conflate.py",
      "supervise.py",
      "ws/frames.py",
    )
  ]
  forbidden = {"trio", "socket", "asyncio", "threading", "time", "httpx"}
  for path in files:
    found = {module for file, module in imported(path.parent) if file == path} & forbidden
    assert not found, f"{path.name} imports {found}"


def test_the_public_names_are_these_and_all_of_them_load():
  import bond_core

  assert bond_core.__all__ == sorted(
    """
    AnyEvent AsyncioThread AuthContext AuthError AuthSpec AuthUnavailable Authenticator Batch
    BondError Candle ChainEvent Clock CommandSpec Credentials Cursor Custom DataClock Disconnected
    Duration Engine EngineError Expired Funding Gap Heartbeat Instrument Level Liquidation LogSpec
    Market MarketEvent MemoryLog NoConfig OpenInterest OrderBook Out ParserSpec PluginError Post
    Principal Reading Record Refused Registry RetryAfter RunResult Secret ServiceSpec SharedEngine
    SimulatorSpec Sink SinkContext SinkSpec Size SourceContext SourceSpec Spec SpecError SystemClock
    Ticker TimedTransform Trade Transform TransformContext TransformSpec Window __version__
    connector_source decode encode hookimpl iterate_in_thread load_spec parse_market run
    """.split()
  )
  for name in bond_core.__all__:
    assert getattr(bond_core, name) is not None
  with pytest.raises(AttributeError, match="no public name 'Nonsense'"):
    _ = bond_core.Nonsense


def test_the_names_for_type_checkers_are_the_same():
  tree = ast.parse((ROOT / "bond_core" / "__init__.py").read_text())
  block = next(node for node in tree.body if isinstance(node, ast.If))
  names = {alias.asname for node in block.body for alias in node.names}
  import bond_core

  assert names | {"__version__"} == set(bond_core.__all__)


def run_python(code):
  return subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
  )


def test_importing_the_core_imports_nothing_heavy():
  done = run_python(
    "import sys, bond_core, bond_core.cli.main\n"
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
    "result = trio.run(lambda: run(spec, duration=0.5))\n"
    "assert result.events > 10 and not result.failures, result\n"
    "print('ran', result.events)"
  )
  assert done.stdout.startswith("ran"), done.stderr
