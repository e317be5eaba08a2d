"""docs/write-a-plugin.md suffices alone: what it shows works, and it names all that there is."""

import inspect
import re
import subprocess
import sys
import types
from pathlib import Path

import attrs
import pytest

from bond_core import RunResult, SourceContext, logs, open_events, run, services, sessions, testing
from bond_core.testing import RecordingMember, SessionConformance

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "write-a-plugin.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))


def shown(name):
  """What a block of the page defines under a name."""
  (code,) = [
    block
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
    if re.search(rf"^(class|def|async def) {name}\b", block, re.M)
  ]
  module = types.ModuleType(f"shown_{name}")
  sys.modules[module.__name__] = module
  exec(compile(code, "write-a-plugin.md", "exec"), module.__dict__)
  return getattr(module, name)


def public(cls):
  return {name for name in vars(cls) if not name.startswith("_")}


class TestNumbers(SessionConformance):
  def session(self):
    return shown("Numbers")()

  def members(self):
    return [RecordingMember(None)]

  def messages(self):
    return [b'{"count":%d}' % number for number in range(5)]


class TestTicks(shown("TestTicks")):
  """The tests that the page inherits."""


async def test_ticks_count(bond_events):
  await shown("test_ticks_count")(bond_events)


@pytest.mark.parametrize("cls", [sessions.Session, logs.Engine, SourceContext, services.Server])
def test_every_method_of_what_a_plugin_writes_or_gets_is_on_the_page(cls):
  names = public(cls) | set(getattr(cls, "__annotations__", {}))
  assert {name for name in names if not name.startswith("_")} - NAMED == set()


def test_every_conformance_class_is_on_the_page_with_what_it_needs():
  for name in testing.__all__:
    if not name.endswith("Conformance"):
      continue
    assert name in NAMED
    methods = {
      key for key, value in vars(getattr(testing, name)).items() if inspect.isfunction(value)
    }
    needed = {key for key in methods if not key.startswith(("test_", "_"))} - {
      "component",
      "opened",
    }
    assert needed - NAMED == set(), name


def test_the_page_about_python_names_what_run_and_open_events_take():
  page = (DOCS / "use-from-python.md").read_text(encoding="utf-8")
  named = set(re.findall(r"\w+", page))
  for function in (run, open_events):
    assert set(inspect.signature(function).parameters) - named == set()
  assert {field.name for field in attrs.fields(RunResult)} - named == set()


PYTHON = (DOCS / "use-from-python.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", PYTHON, re.S | re.M))
def test_the_programs_of_the_page_about_python_run(code, tmp_path):
  """Against the simulated venue, until it has shown something, in an empty folder."""
  code = code.replace("open_events(spec)", "open_events(spec, simulate=True)")
  code = code.replace("duration=60)", "duration=2, simulate=True)")
  code = code.replace("> 100000", "> 0")
  with (
    (tmp_path / "errors").open("w") as errors,
    subprocess.Popen(
      [sys.executable, "-u", "-c", code],
      cwd=tmp_path,
      stdout=subprocess.PIPE,
      stderr=errors,
      text=True,
    ) as program,
  ):
    shown = next((line for line in program.stdout if re.search("BTC/USDT|events", line)), None)
    program.kill()
  assert shown, (tmp_path / "errors").read_text()
