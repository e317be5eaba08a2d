"""The documentation is what the code does: pages are current, snippets load, examples run."""

import importlib.util
import inspect
import re
import sys
import types
from pathlib import Path

import msgspec
import pytest
from bond_server.access.chain import read_entry
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring, verify

from bond_core import Registry, load_spec
from bond_core._events import EVENT_TYPES, Event
from bond_core._plugins import hookspecs
from bond_core._plugins.registry import HOOKS
from bond_core._spec.document import read_document
from bond_core._spec.structure import structure

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
READMES = sorted((ROOT / "plugins").glob("*/README.md"))
OTHERS = [
  *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
  *sorted(ROOT.glob("*/README.md")),
  *sorted(ROOT.glob("sdk/*/README.md")),
]
ALL_PAGES = list(dict.fromkeys([*PAGES, *READMES, *OTHERS]))
PACKAGES = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}


def text_of(path):
  return path.read_text(encoding="utf-8")


def blocks(text, language):
  """The fenced blocks of a language, with their indentation taken off."""
  found = re.findall(rf"^([ ]*)```{language}\n(.*?)^\1```", text, re.S | re.M)
  return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


def named(path):
  return path.relative_to(ROOT).as_posix()


def generator():
  spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


GENERATED = generator().pages()
SNIPPETS = [
  pytest.param(block, id=f"{named(page)}-{number}")
  for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *READMES]
  for number, block in enumerate(blocks(text_of(page), "yaml"), 1)
  if re.search(r"^sources:", block, re.M)
]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
COMPONENTS = [
  component
  for plugin in Registry().plugins()
  if plugin.package in PACKAGES
  for component in plugin.components
  if getattr(component, "example", "")
]
HOOK_NAMES = [hook for hook, _ in HOOKS.values()]


@pytest.mark.parametrize("path", GENERATED, ids=named)
def test_generated_pages_are_current(path):
  assert text_of(path) == GENERATED[path], "run python docs/generate.py"


def test_every_hook_has_a_heading_with_its_signature():
  source = text_of(Path(hookspecs.__file__))
  signatures = re.findall(r"^@hookspec\ndef (.+):$", source, re.M)
  assert [signature.partition("(")[0] for signature in signatures] == HOOK_NAMES
  headings = re.findall(r"^## `(.+)`$", text_of(DOCS / "hooks.md"), re.M)
  assert headings == signatures


def test_there_are_snippets_and_examples():
  assert len(SNIPPETS) > 5
  assert len(EXAMPLES) > 3


@pytest.mark.parametrize("block", SNIPPETS)
def test_every_spec_in_the_documentation_loads(block):
  assert load_spec(block, registry=Registry()).sources


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_every_example_loads_without_a_warning(path):
  spec = load_spec(text_of(path), file=path.name, registry=Registry())
  assert spec.name == path.stem
  assert spec.warnings == ()


AUTH = [
  pytest.param(block, id=f"{named(page)}-{number}")
  for page in [*sorted(DOCS.glob("*.md")), *READMES]
  for number, block in enumerate(blocks(text_of(page), "yaml"), 1)
  if re.match(r"auth:", block)
]


@pytest.mark.parametrize("block", AUTH)
def test_every_list_of_authenticators_in_the_documentation_is_one(block):
  for entry in read_document(block, "auth.yaml").data["auth"]:
    _, config, faults = read_entry(entry, Registry())
    assert [fault.message for fault in faults] == []
    assert config is not None


def test_a_token_signed_as_the_documentation_says_is_one():
  (code,) = blocks(text_of(DOCS / "access.md"), "python")
  made = {}
  exec(compile(code, "access.md", "exec"), made)
  secret, generations = "a-secret-of-the-tests-with-32-bytes!", MemoryGenerations()
  generations.advance("market")
  token = made["token"](secret, "market", 60, generation=1)
  keyring = Keyring(secret.encode())
  assert verify(token, keyring=keyring, generations=generations, now_ms=0).stream == "market"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: f"{type(c).__name__}-{c.name}")
def test_every_components_example_is_a_configuration(component):
  data = read_document(component.example, component.name).data
  config, faults = structure(data, component.config)
  assert [fault.message for fault in faults] == []
  assert isinstance(config, component.config)


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_example_of_every_hook_registers(hook):
  (code,) = blocks(inspect.getdoc(getattr(hookspecs, hook)), "python")
  module = types.ModuleType(f"example_{hook}")
  sys.modules[module.__name__] = module  # attrs looks a class's module up
  try:
    exec(compile(code, f"{hook}.__doc__", "exec"), module.__dict__)
    name = re.search(r'name="(\w+)', code)[1]
    plugin = Registry([]).add(name, module)
  finally:
    del sys.modules[module.__name__]
  assert [HOOKS[type(component)][0] for component in plugin.components] == [hook]


def test_the_tutorials_plugin_is_the_one_that_is_tested():
  code = text_of(ROOT / "plugins/bond-clock/bond_clock/__init__.py")
  assert code in blocks(text_of(DOCS / "write-a-plugin.md"), "python")


@pytest.mark.parametrize("code", blocks(text_of(DOCS / "write-a-plugin.md"), "python"))
def test_the_code_of_the_tutorial_runs(code):
  module = types.ModuleType("tutorial")
  sys.modules[module.__name__] = module  # attrs looks a class's module up
  try:
    exec(compile(code, "write-a-plugin.md", "exec"), module.__dict__)
  finally:
    del sys.modules[module.__name__]


@pytest.mark.parametrize("tag", EVENT_TYPES)
def test_the_protocol_names_every_field(tag):
  section = re.search(rf"^## {tag}\n(.*?)(?=^## |\Z)", text_of(DOCS / "protocol.md"), re.S | re.M)
  table = section[1].partition("| reason |")[0]
  rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
  told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
  fields = {field.name for field in msgspec.structs.fields(EVENT_TYPES[tag])}
  common = {field.name for field in msgspec.structs.fields(Event)}
  assert told == (fields if tag in ("window", "gap") else fields - common)


VENUE_CODE = blocks(text_of(DOCS / "write-a-venue.md"), "python")


@pytest.mark.parametrize("block", VENUE_CODE, ids=range(len(VENUE_CODE)))
def test_the_code_of_the_worked_venue_is_taken_from_it(block):
  files = [*ROOT.glob("plugins/bond-bybit/**/*.py"), *ROOT.glob("plugins/bond-binance/**/*.py")]
  assert any(block in text_of(path) for path in files)


def test_every_fault_is_explained():
  rows = re.findall(r"^\| `([\w-]+)", text_of(DOCS / "faults.md"), re.M)
  assert sorted(rows) == sorted(name for name, _ in Registry().simulator("binance").faults)


@pytest.mark.parametrize("page", ALL_PAGES, ids=named)
def test_every_link_leads_somewhere(page):
  prose = re.sub(r"^([ ]*)```.*?^\1```", "", text_of(page), flags=re.S | re.M)
  for target in re.findall(r"\]\(([^)\s]+)\)", prose):
    if re.match(r"[a-z]+:", target):
      continue
    path, _, anchor = target.partition("#")
    file = page if not path else page.parent / path
    assert file.exists(), f"{target} leads nowhere"
    if anchor and file.suffix == ".md":
      assert anchor in anchors(text_of(file)), f"{target} has no such heading"


@pytest.mark.parametrize("page", ALL_PAGES, ids=named)
def test_every_file_that_is_named_is_there(page):
  found = re.findall(
    r"(?<![\w/.-])((?:bond_core|plugins|sdk|tests|docs|infra|examples)/[\w./-]+)", text_of(page)
  )
  named = {path.rstrip(".,") for path in found}
  assert [
    path for path in sorted(named) if "/dist/" not in path and not (ROOT / path).exists()
  ] == []


def anchors(text):
  """The anchors of a page's headings, as they are made from Markdown."""
  headings = re.findall(r"^#+ (.+)$", text, re.M)
  return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=named)
def test_no_page_names_a_folder_of_one_machine(page):
  local = re.compile(r"(?<![\w.])/(work|tmp|home|root|Users)\b")
  assert [line for line in text_of(page).splitlines() if local.search(line)] == []
