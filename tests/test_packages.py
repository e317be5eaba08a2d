"""No list of packages is kept by hand: tox, make, CI and mypy find them in their folders."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
import yaml

from tests import constraints
from tests.packages import CORE, alone, demo, packages, together

ROOT = Path(__file__).parent.parent
FOLDERS = packages()
OTHERS = {name: folder for name, folder in FOLDERS.items() if name != CORE}
LISTLESS = ["tox.ini", "toxfile.py", "Makefile", ".github/workflows/ci.yml", "pyproject.toml"]
DISTRIBUTIONS = packages_distributions()


def project_of(folder):
  return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def normal(requirement):
  """The name of a requirement or a distribution, in its normal form."""
  return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


# The folders --------------------------------------------------------------------------------------


def test_every_folder_is_a_package_of_its_own_name():
  # A folder that only holds what Python compiled is left over from another commit.
  modules = ROOT.glob("plugins/*/**/*.py")
  plugins = {path.relative_to(ROOT / "plugins").parts[0] for path in modules}
  assert {folder.name for folder in FOLDERS.values() if folder.parent.name == "plugins"} == plugins
  assert {name for name in FOLDERS if name.startswith("bond-")} == {CORE, *plugins}


def write(folder, name, dependencies, *, extras="", test=()):
  folder.mkdir(parents=True, exist_ok=True)
  (folder / "pyproject.toml").write_text(
    f'[project]\nname = "{name}"\ndependencies = {dependencies}\n'
    f"[project.optional-dependencies]\n{extras}\n[dependency-groups]\ntest = {list(test)}\n"
  )


@pytest.fixture
def repository(tmp_path):
  write(tmp_path, "bond-core", ["attrs", "bond-a>=0.1"], test=["pytest"])
  write(tmp_path / "plugins/bond-a", "bond-a", ["bond-core"])
  write(
    tmp_path / "plugins/bond-b", "bond-b", ["bond-core"], test=["bond-c[more]>=0.1", "pytest>=8"]
  )
  write(tmp_path / "plugins/bond-c", "bond-c", ["bond-core"], extras='more = ["bond-d", "grpcio"]')
  write(tmp_path / "plugins/bond-d", "bond-d", [], test=["hypothesis"])
  write(tmp_path / "sdk/python", "kk0", ["httpx"], extras='trio = ["trio"]')
  return tmp_path


def test_a_package_alone_has_what_it_and_its_tests_name_and_what_these_depend_on(repository):
  core = ["-e .", "-e ./plugins/bond-a"]
  assert alone("bond-a", repository) == core
  assert alone("bond-b", repository) == [
    *core,
    "-e ./plugins/bond-b",
    "-e ./plugins/bond-c[more]",
    "-e ./plugins/bond-d",
    "pytest>=8",
  ]
  assert alone("bond-c", repository) == [*core, "-e ./plugins/bond-c"]
  with pytest.raises(KeyError, match="bond-e"):
    alone("bond-e", repository)


def test_all_packages_together_have_all_extras_and_what_all_tests_need(repository):
  assert together(repository) == [
    "-e .",
    *(f"-e ./plugins/bond-{name}" for name in ("a", "b", "c[more]", "d")),
    "-e ./sdk/python[trio]",
    "hypothesis",
    "pytest>=8",
  ]


def test_the_demo_has_what_its_example_names_and_nothing_for_tests():
  lines = demo()
  text = (ROOT / "examples" / "btc-pulse.yaml").read_text(encoding="utf-8")
  named = re.findall(r"bond-\w+", re.search(r"pip install (.+)", text)[1])
  assert {"-e .", *(f"-e ./plugins/{name}" for name in named)} <= set(lines)
  assert all(line.startswith("-e ") for line in lines)
  assert len(lines) < len(FOLDERS) / 2
  assert re.search(r"bond run (\S+) --sim", (ROOT / "Makefile").read_text())[1] == (
    "examples/btc-pulse.yaml"
  )


# What a package says of its tests -----------------------------------------------------------------


def imported(folder):
  for path in folder.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
      if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
      elif isinstance(node, ast.ImportFrom):
        yield node.module.split(".")[0]


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_packages_tests_import_is_a_dependency_or_in_its_group_test(name):
  folder = FOLDERS[name]
  project = project_of(folder)
  assert (folder / "tests").is_dir()
  extras = project["project"].get("optional-dependencies", {}).values()
  group = project["dependency-groups"]["test"]
  # A group that names its own package with an extra brings what the extra needs.
  chosen = [line for extra in extras for line in extra if any(f"{name}[" in g for g in group)]
  declared = {normal(line) for line in [*project["project"]["dependencies"], *group, *chosen]}
  declared |= {name, CORE}
  beside = {path.stem for place in (folder, ROOT / "tests" / "e2e") for path in place.rglob("*.py")}
  own = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
  modules = set(imported(folder / "tests")) - {*beside, *own, *sys.stdlib_module_names}
  missing = {
    module
    for module in modules
    if not {normal(found) for found in DISTRIBUTIONS.get(module, [module])} & declared
  }
  assert missing == set()
  # The configuration of pytest is the root's, which names an option of pytest-trio.
  assert {"pytest", "pytest-trio"} <= declared


# Who finds packages -------------------------------------------------------------------------------


@pytest.mark.parametrize("file", LISTLESS)
def test_no_package_is_named_where_all_are_found(file):
  text = (ROOT / file).read_text(encoding="utf-8")
  # The core depends on the package of built-in components, and only on that one.
  text = text.replace('"bond-builtin>=', "")
  named = re.findall(r"\b(?:plugin|bond)[-_]\w+", text)
  assert {word for word in named if normal(word).replace("plugin-", "bond-") in OTHERS} == set()


def test_tox_has_an_environment_for_each_package():
  done = subprocess.run(
    [sys.executable, "-m", "tox", "-l"],
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
    cwd=ROOT,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  plugins = {folder.name for folder in OTHERS.values() if folder.parent.name == "plugins"}
  listed = set(done.stdout.split())
  assert listed >= {name.replace("bond-", "plugin-", 1) for name in plugins} | {"sdk-kk0"}
  assert listed >= {"lint", "type", "py311", "py312", "py313", "docs"}


def test_tox_installs_in_an_environment_what_its_package_needs():
  done = subprocess.run(
    [sys.executable, "-m", "tox", "config", "-e", "plugin-ws,py311,lint", "-k", "deps", "commands"],
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
    cwd=ROOT,
  )
  sections = re.split(r"^\[testenv:(.+)\]$", done.stdout, flags=re.M)
  found = dict(zip(sections[1::2], sections[2::2], strict=True))
  lines = {name: text.partition("commands =")[0].split("\n  ") for name, text in found.items()}
  assert {line.strip() for line in lines["plugin-ws"][1:]} == {
    "-c constraints.txt",
    *alone("bond-ws"),
  }
  assert "python -m pytest plugins/bond-ws" in found["plugin-ws"]
  assert {line.strip() for line in lines["py311"][1:]} == {"-c constraints.txt", *together()}
  assert "-e" not in lines["lint"][0]


def test_mypy_checks_every_package():
  globs = project_of(ROOT)["tool"]["mypy"]["files"]
  checked = [path.relative_to(ROOT).as_posix() for found in globs for path in ROOT.glob(found)]
  for folder in FOLDERS.values():
    wheel = project_of(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]
    for module in wheel["packages"]:
      assert (folder / module).relative_to(ROOT).as_posix() in checked


@pytest.mark.parametrize("name", FOLDERS)
def test_every_package_is_for_the_same_pythons_and_names_ranges_of_the_others(name):
  project = project_of(FOLDERS[name])["project"]
  assert project["requires-python"] == f">={pythons()[0]}"
  ours = [line for line in project["dependencies"] if normal(line) in FOLDERS]
  assert all(re.fullmatch(r"[\w-]+>=0\.\d+,<0\.\d+", line) for line in ours)


def pythons():
  """The Pythons that the core names, the oldest first."""
  classifiers = project_of(ROOT)["project"]["classifiers"]
  return [line.rpartition(":: ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]


# CI and the hooks before a commit -----------------------------------------------------------------


def workflow():
  return yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def commands(job):
  return [step["run"] for step in workflow()["jobs"][job]["steps"] if "run" in step]


def test_ci_runs_what_make_test_runs_on_every_python():
  jobs = workflow()["jobs"]
  assert jobs["test"]["strategy"]["matrix"]["python"] == pythons()
  assert commands("test") == ["make test PYTHON=python"]
  assert commands("lint") == ["make lint PYTHON=python"]


def test_ci_tests_each_folder_of_plugins_alone(tmp_path):
  (command,) = commands("plugins")
  answer = tmp_path / "output"
  done = subprocess.run(
    ["sh", "-ec", command],
    env={**os.environ, "GITHUB_OUTPUT": str(answer)},
    cwd=ROOT,
    timeout=300,
    check=False,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  names = yaml.safe_load(answer.read_text().removeprefix("names="))
  assert names == sorted(
    folder.name.removeprefix("bond-")
    for folder in OTHERS.values()
    if folder.parent.name == "plugins"
  )
  assert "plugin-${{ matrix.plugin }}" in commands("alone")[-1]


def test_hooks_before_a_commit_are_what_make_lint_runs():
  (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
  assert local["repo"] == "local"
  entries = [hook["entry"].replace(" --force-exclude", "") for hook in local["hooks"]]
  recipe = re.search(r"^lint: install\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.M)[1]
  run = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()]
  assert [line.replace(" --check", "").removesuffix(" .") for line in run] == entries


def test_every_package_that_is_needed_has_its_version_in_the_constraints_and_no_host_is_named():
  text = constraints.FILE.read_text(encoding="utf-8")
  pinned = {normal(line) for line in text.splitlines() if re.match(r"[\w.-]+==\S+( ; |$)", line)}
  needed = {normal(line) for line in constraints.requirements()}
  found: set[str] = set()
  while needed - found:
    name = min(needed - found)
    found.add(name)
    try:
      requires = distribution(name).requires or []
    except PackageNotFoundError:
      continue  # Only needed elsewhere.
    needed |= {normal(line) for line in requires if ";" not in line}
  assert found - pinned == set()
  assert len(pinned) > 80
  assert "://" not in text
