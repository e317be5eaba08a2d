"""What the hook reference and write-a-plugin show is held to what the kit asks of everybody's."""

import inspect
import re
import sys
import types

import pytest
from bond_server.testing import ServiceConformance

from bond_core import Registry, TransformContext, TransformType
from bond_core._plugins import hookspecs
from bond_core.testing import (
  LogConformance,
  SinkConformance,
  TransformConformance,
)
from tests.docs.test_write_a_plugin import shown


def example(hook):
  """The one component of a hook's example."""
  (code,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(getattr(hookspecs, hook)), re.S)
  module = types.ModuleType(f"conforms_{hook}")
  sys.modules[module.__name__] = module
  exec(compile(code, hook, "exec"), module.__dict__)
  (component,) = Registry([]).add(re.search(r'name="(\w+)', code)[1], module).components
  return component


class TestLog(LogConformance):
  lasting = False

  def component(self):
    found = example("bond_register_logs")
    self.name = found.name
    return found


class TestSink(SinkConformance):
  @pytest.fixture(autouse=True)
  def _in_a_folder(self, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    self.folder = tmp_path

  def component(self):
    found = example("bond_register_sinks")
    self.name = found.name
    return found

  def written(self, folder):
    return len((self.folder / "out.jsonl").read_bytes().splitlines())


class TestTransform(TransformConformance):
  def component(self):
    found = example("bond_register_transforms")
    self.name = found.name
    return found


class TestService(ServiceConformance):
  def keys(self):
    return {"port": 0}

  def component(self):
    found = example("bond_register_services")
    self.name = found.name
    return found


class TestCounter(TransformConformance):
  """The transform with a timer of write-a-plugin."""

  name = "count.minutes"

  def component(self):
    def make(config, ctx: TransformContext):
      return shown("Counter")()

    return TransformType(name=self.name, summary="Counts.", make=make)

  def test_losses_and_heartbeats_go_on(self):
    """It gives counts only: nothing of its input goes on."""
