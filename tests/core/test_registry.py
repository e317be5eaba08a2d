"""Finding and checking plugins: what goes wrong is one clear sentence."""

from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import attrs
import pytest

from bond_core import (
  CommandType,
  Custom,
  PluginError,
  Registry,
  SimulatorType,
  SourceType,
  TransformType,
  hookimpl,
)


async def nothing(config, out, ctx):
  return None


def source(name="good.ticks", **changes):
  return SourceType(**{"name": name, "summary": "s", "emits": (Custom,), "run": nothing} | changes)


def module(*hooks):
  found = ModuleType("good")
  vars(found).update({hook.__name__: hook for hook in hooks})
  return found


def plugin(*sources):
  @hookimpl
  def bond_register_sources():
    return list(sources)

  return module(bond_register_sources)


def refused(name, bad):
  with pytest.raises(PluginError) as error:
    Registry([]).add(name, bad)
  return str(error.value)


class Package(EntryPoint):
  """An entry point that belongs to a package."""

  def __new__(cls, name, value, package):
    self = super().__new__(cls)
    EntryPoint.__init__(self, name, value, "bond")
    vars(self).update(dist=SimpleNamespace(name=package, version="1.0"))
    return self

  def __init__(self, name, value, package):
    pass


def test_the_installed_core_and_clock_are_found_and_only_the_named_one_is_loaded():
  registry = Registry()
  assert registry.source("clock.ticks").summary == "A tick every so often."
  assert set(registry._loaded) == {"clock"}
  assert registry.sink("core.print").name == "core.print"


def test_a_missing_plugin_says_what_to_install():
  with pytest.raises(PluginError) as error:
    Registry().source("krakken.trades")
  assert str(error.value) == (
    "no plugin 'krakken' is installed; no known package has it; `bond plugins` lists what is "
    "installed"
  )


def test_a_misspelt_plugin_or_component_is_guessed():
  with pytest.raises(PluginError, match=r"did you mean 'clock'\?"):
    Registry().source("clok.ticks")
  with pytest.raises(PluginError, match=r"bond-clock has no source 'clock.tick'; did you mean"):
    Registry().source("clock.tick")
  with pytest.raises(PluginError, match=r"'core.print' is a sink, not a source"):
    Registry().source("core.print")
  with pytest.raises(PluginError, match=r"'core.keys' is an auth, not a log"):
    Registry().log("core.keys")


def test_a_component_is_guessed_among_all_plugins_whose_names_begin_alike():
  with pytest.raises(PluginError, match=r"did you mean 'onchain\.bitcoin'\?"):
    Registry().source("onchain.bitcon")
  with pytest.raises(PluginError, match=r"did you mean 'core\.file'\?"):
    Registry().log("core.fil")


def test_what_is_installed_is_not_to_be_installed_again():
  installed = Registry()
  with pytest.raises(PluginError, match=r"did you mean 'binance'\?$"):
    installed.source("binanse.trades")
  with pytest.raises(PluginError, match=r"; write ccxt\.trades with exchange: kraken$"):
    installed.source("kraken.trades")
  bare = Registry([])
  with pytest.raises(PluginError, match=r"did you mean 'binance'\? \(pip install bond-binance\)$"):
    bare.source("binanse.trades")
  with pytest.raises(PluginError, match=r"pip install bond-ccxt and write ccxt\.trades with"):
    bare.source("kraken.trades")


def test_a_broken_plugin_is_imported_once(tmp_path, monkeypatch):
  (tmp_path / "broken_plugin.py").write_text(
    "import pathlib\n"
    f"with open({str(tmp_path / 'count')!r}, 'a') as file:\n  file.write('x')\n"
    "raise OSError('no')\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  registry = Registry([Package("broken", "broken_plugin", "bond-broken")])
  for _ in range(3):
    with pytest.raises(PluginError, match="cannot be loaded: OSError: no"):
      registry.source("broken.trades")
    assert registry.plugins()[0].error is not None
  assert (tmp_path / "count").read_text() == "x"


def test_a_plugin_that_cannot_be_imported_is_named_and_harms_no_other():
  points = [Package("broken", "no_such_module_at_all", "bond-broken")]
  points += [Package("clock", "bond_clock", "bond-clock")]
  registry = Registry(points)
  with pytest.raises(PluginError) as error:
    registry.source("broken.trades")
  assert str(error.value) == (
    "plugin 'broken' of package bond-broken cannot be loaded: ModuleNotFoundError: No module named "
    "'no_such_module_at_all'; reinstall it or report it to its author"
  )
  assert registry.source("clock.ticks")
  listed = {p.name: p for p in registry.plugins()}
  assert listed["clock"].error is None
  assert "no_such_module_at_all" in listed["broken"].error


def test_two_packages_that_offer_one_plugin_are_both_named():
  points = [Package("clock", "bond_clock", p) for p in ("bond-clock", "other-clock")]
  with pytest.raises(PluginError) as error:
    Registry(points).source("clock.ticks")
  assert str(error.value) == (
    "plugin 'clock' is offered by bond-clock and other-clock; uninstall one of them"
  )


def test_a_plugin_can_stand_within_the_names_of_another():
  registry = Registry([])
  registry.add("good", plugin(source("good.ticks")))
  registry.add("good.more", plugin(source("good.more"), source("good.more.ticks")))
  for name in ("good.ticks", "good.more", "good.more.ticks"):
    assert registry.source(name).name == name
  with pytest.raises(PluginError, match=r"good has no source 'good\.less'"):
    registry.source("good.less")
  assert "must be named good.…" in refused("good", plugin(source("good")))


def test_each_mistake_of_a_plugin_is_one_sentence_that_names_it():
  assert refused("good", plugin("not a spec")) == (
    "plugin 'good' gave 'not a spec' as a source; give a SourceType"
  )
  assert refused("good", plugin(source("bad.ticks"))) == (
    "plugin 'good': the source 'bad.ticks' must be named good.…, so that it is found by name"
  )
  assert "'Good Ticks' is not a name" in refused("good", plugin(source("Good Ticks")))
  assert "offers the source 'good.ticks' twice" in refused("good", plugin(source(), source()))
  assert "needs one of run, feed and session" in refused("good", plugin(source(run=None)))
  assert "has a feed and needs connection too" in refused(
    "good", plugin(source(run=None, feed=lambda connection: None))
  )
  assert "config of 'good.ticks' is not an attrs class" in refused(
    "good", plugin(source(config=dict))
  )
  assert "offers nothing" in refused("good", module())


def test_a_hook_that_raises_or_does_not_exist_is_named():
  @hookimpl
  def bond_register_sources():
    raise KeyError("oops")

  assert refused("good", module(bond_register_sources)) == (
    "plugin 'good': bond_register_sources failed with KeyError: 'oops'"
  )

  @hookimpl
  def bond_register_source():
    return []

  assert refused("good", module(bond_register_source)) == (
    "plugin 'good' implements bond_register_source, which is no hook of Bond; did you mean "
    "'bond_register_sources'?"
  )


def test_simulators_and_commands_are_named_after_what_they_are():
  @attrs.frozen
  class Config:
    port: int = 0

  async def serve(config, *, task_status):
    task_status.started("http://127.0.0.1:1")

  @hookimpl
  def bond_register_simulators():
    yield SimulatorType(name="mars", summary="s", config=Config, serve=serve)

  @hookimpl
  def bond_register_commands():
    yield CommandType(name="land", summary="s", load=lambda: None)

  registry = Registry([])
  registry.add("sim", module(bond_register_simulators, bond_register_commands))
  assert registry.simulator("mars").config is Config
  with pytest.raises(PluginError, match="no simulator of 'venus'"):
    registry.simulator("venus")


def test_a_transform_is_found_among_those_of_its_plugin():
  @hookimpl
  def bond_register_transforms():
    yield TransformType(name="good.same", summary="s", make=lambda config, ctx: list)

  registry = Registry([])
  registry.add("good", module(bond_register_transforms))
  assert registry.transform("good.same").summary == "s"
