"""What comes with the core keeps what every plugin has to keep."""

import pytest
import yaml
from bond_builtin import transforms

from bond_core.testing import SinkConformance, TransformConformance


class Own(TransformConformance):
  """A transform with the keys of its own example."""

  __test__ = False

  def __init_subclass__(cls):
    cls.__test__ = True

  def keys(self):
    return yaml.safe_load(self.component().example)


class TestFilter(Own):
  name = "core.filter"


class TestProject(Own):
  name = "core.project"


class TestDedupe(Own):
  name = "core.dedupe"


class TestMerge(Own):
  name = "core.merge"


class TestSample(Own):
  name = "core.sample"


class TestWindow(Own):
  name = "core.window"


class TestConsolidate(Own):
  name = "core.consolidate"


def test_every_transform_is_tested_but_the_one_that_runs_the_users_code():
  names = {kind.name for kind in transforms.types()}
  assert names - {kind.name for kind in Own.__subclasses__()} == {"core.map"}


class TestJsonl(SinkConformance):
  name = "core.jsonl"

  def keys(self, folder):
    return {"path": str(folder / "events.jsonl")}

  def written(self, folder):
    return len((folder / "events.jsonl").read_text().splitlines())


class TestPrint(SinkConformance):
  name = "core.print"

  @pytest.fixture(autouse=True)
  def _screen(self, capfd):
    return capfd


class TestStream(SinkConformance):
  name = "core.stream"
