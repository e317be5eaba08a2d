"""A plugin that does what no plugin should, as a package on the import path."""

MODULE = """
import os, pathlib
from bond_core import Custom, SinkType, SourceType, TransformType, hookimpl
import attrs

class Unreadable(Exception):
  def __str__(self):
    raise SystemExit(7)

KINDS = {
  "exit": SystemExit, "keyboard": KeyboardInterrupt, "generator": GeneratorExit,
  "unreadable": Unreadable, "base": BaseException, "error": ValueError,
}

@attrs.frozen
class Config:
  kind: str = attrs.field(default="exit", metadata={"public": True})
  where: str = attrs.field(default="call", metadata={"public": True})

class Bad:
  def __init__(self, config):
    self.config = config
  def __call__(self, batch):
    if self.config.where == "call":
      raise KINDS[self.config.kind]("bad")
    return batch
  def next_timer(self):
    if self.config.where == "next_timer":
      raise KINDS[self.config.kind]("bad")
    return 1 if self.config.where == "on_timer" else None
  def on_timer(self, now):
    raise KINDS[self.config.kind]("bad")

def make(config, ctx):
  if config.where == "make":
    raise KINDS[config.kind]("bad")
  if config.where == "loop":
    pathlib.Path(os.environ["BAD_LOOPS"]).touch()
    while True:
      pass
  return Bad(config)

async def run(config, out, ctx):
  raise KINDS[config.kind]("bad")

class BadSink:
  def __init__(self, config):
    self.config = config
  async def __aenter__(self):
    if self.config.where == "open":
      raise KINDS[self.config.kind]("bad")
    return self
  async def __aexit__(self, *args):
    return None
  async def write(self, batch):
    raise KINDS[self.config.kind]("bad")

@hookimpl
def bond_register_sources():
  return [SourceType(name="bad.source", summary="bad", config=Config, run=run, emits=(Custom,))]

@hookimpl
def bond_register_transforms():
  return [TransformType(name="bad.transform", summary="bad", config=Config, make=make)]

@hookimpl
def bond_register_sinks():
  return [SinkType(name="bad.sink", summary="bad", config=Config, make=lambda c, ctx: BadSink(c))]
"""


def installed(folder):
  """The environment of processes that have the plugin."""
  (folder / "bad_plugin.py").write_text(MODULE)
  info = folder / "bond_bad-1.dist-info"
  info.mkdir()
  (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bond-bad\nVersion: 1\n")
  (info / "entry_points.txt").write_text("[bond]\nbad = bad_plugin\n")
  return {"PYTHONPATH": str(folder)}
