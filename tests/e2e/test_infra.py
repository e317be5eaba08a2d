"""The files of infra/: what they name exists, they open nothing, what images start works."""

import configparser
import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import click
import pytest
import yaml
from bond_server.commands.serve import serve_command
from bond_server.commands.settings import read_settings

from tests import javascript
from tests.packages import packages

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
IMAGES = sorted(INFRA.glob("Dockerfile.*"))
COMPOSE = yaml.safe_load((INFRA / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def params():
  return serve_command.get_params(click.Context(serve_command))


def variables(params):
  """The variables that the server reads, besides those of its secrets and of Redis."""
  return {str(param.envvar) for param in params if param.envvar}


def test_compose_opens_its_ports_on_this_machine_only():
  ports = [port for service in COMPOSE["services"].values() for port in service["ports"]]
  assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
  assert {int(port.split(":")[1]) for port in ports} >= {6379, 8000, 8080, 6900}


def test_compose_needs_no_key_and_holds_none(params):
  known = variables(params) | {"REDIS_URL"}
  for service in COMPOSE["services"].values():
    for name, value in service.get("environment", {}).items():
      assert name in known
      # Nothing has to be set by whoever starts it.
      assert all(":-" in part for part in re.findall(r"\$\{[^}]*\}", value))
  assert not re.search(r"[0-9a-f]{32}", (INFRA / "docker-compose.yml").read_text())


def test_compose_names_volumes_and_images_that_are_there():
  for service in COMPOSE["services"].values():
    assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
    if "build" in service:
      assert (INFRA / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_an_image_takes_only_what_is_there_and_runs_without_rights(path, params):
  text = path.read_text().replace("\\\n", " ")
  passed_on = (ROOT / ".dockerignore").read_text().split()
  for file in re.findall(
    r"infra/[\w.]+(?= )", "".join(re.findall(r"^COPY .*infra/.*$", text, re.M))
  ):
    assert (ROOT / file).is_file()
    assert f"!{file}" in passed_on
  assert re.search(r"^USER bond$", text, re.M)
  environment = re.search(r"^ENV (.*)$", text, re.M)[1].split()
  names = {item.split("=")[0] for item in environment}
  assert names - {"PYTHONUNBUFFERED"} <= variables(params)


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_an_image_names_packages_of_this_repository(path):
  (names,) = re.findall(r"^RUN sh infra/wheels.sh ?(.*)$", path.read_text(), re.M)
  assert set(names.split()) <= set(packages())
  # The image that names none has them all.
  assert bool(names) == (path.suffix != ".runtime")


def test_wheels_of_this_repository_are_built_here_and_never_looked_for_on_an_index(tmp_path):
  said, tools = tmp_path / "said", tmp_path / "bin"
  tools.mkdir()
  (tools / "pip").write_text(
    "#!/bin/sh\n"
    f'echo "$*" >>{said}\n'
    'while [ "$1" != --wheel-dir ]; do shift; done\n'
    'touch "$2/bond_core-0.1.0-py3-none-any.whl" "$2/bond_ws-0.1.0-py3-none-any.whl"\n'
    f'for word; do case $word in */constraints.txt) cat "$word" >>{said};; esac; done\n'
  )
  (tools / "pip").chmod(0o755)
  wheels = tmp_path / "wheels"
  wheels.mkdir()
  environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "WHEELS": str(wheels)}
  subprocess.run(
    ["sh", "infra/wheels.sh", "bond-ws"], env=environment, cwd=ROOT, check=True, timeout=120
  )
  built, chosen, *constraints = said.read_text().splitlines()
  folders = [f"./plugins/{path.parent.name}/" for path in ROOT.glob("plugins/*/pyproject.toml")]
  assert sorted(word for word in built.split() if word.startswith("./")) == sorted(folders)
  assert "--no-deps" in built
  assert chosen.split()[-1] == "bond-ws"
  assert [line.partition(" @ file:///")[0] for line in constraints] == ["bond_core", "bond_ws"]
  assert "--no-deps" not in chosen


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_an_image_with_the_control_plane_builds_its_page(path):
  text = path.read_text()
  (names,) = re.findall(r"^RUN sh infra/wheels.sh ?(.*)$", text, re.M)
  has_page = "bond-page" in names or not names
  assert has_page == ("bond-rest" in names or not names)
  built = re.findall(r"^COPY --from=page /src/(\S+) (\S+)$", text, re.M)
  static = javascript.PAGE.relative_to(ROOT).as_posix()
  assert built == ([(static, static)] if has_page else [])
  if has_page:
    # Node is in that stage only, and what lies in the folder from before is not taken.
    assert re.findall(r"^FROM node\S+ AS (\w+)$", text, re.M) == ["page"]
    passed_on = (ROOT / ".dockerignore").read_text().split()
    assert "!sdk/js" in passed_on
    assert {"sdk/js/node_modules", static} <= set(passed_on)


def test_all_three_images_are_there():
  assert [path.suffix for path in IMAGES] == [".api", ".broker", ".runtime"]


def test_what_the_build_needs_is_passed_on():
  passed_on = (ROOT / ".dockerignore").read_text().split()
  for name in ("bond_core", "plugins", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
    assert f"!{name}" in passed_on
    assert (ROOT / name).exists()


def test_the_options_of_the_images_are_the_servers(params):
  document, values = read_settings((INFRA / "bond.yaml").read_text(), "bond.yaml", params)
  assert document.data["auth"] == "/etc/bond/auth.yaml"
  assert values["log_format"] == "json"


def test_the_unit_stops_the_server_as_it_wants_to_be_stopped(params):
  unit = configparser.ConfigParser(strict=False, interpolation=None)
  unit.optionxform = str
  unit.read(INFRA / "bond.service")
  service = unit["Service"]
  assert service["ExecStart"].split()[-2:] == ["/opt/bond/bin/bond", "serve"]
  assert service["KillSignal"] == "SIGTERM"
  assert int(service["TimeoutStopSec"]) > 10
  names = {item.split("=")[0] for item in service["Environment"].split()}
  assert names <= variables(params)


@contextlib.contextmanager
def started(secrets, auth):
  """What the entry point of an image starts, listening beyond this machine."""
  home = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  bin_folder = Path(sys.executable).parent
  more = {
    "PATH": f"{bin_folder}:{home['PATH']}",
    "SECRETS": str(secrets),
    "BOND_CONFIG": str(INFRA / "bond.yaml"),
    "BOND_AUTH": str(auth),
    "BOND_DATA": str(secrets / "data"),
    "BOND_HOST": "0.0.0.0",
    "BOND_API_HOST": "0.0.0.0",
    "BOND_PORT": "0",
    "BOND_API_PORT": "0",
    "BOND_SIM": "",
  }
  process = subprocess.Popen(
    [str(INFRA / "entry.sh"), "serve"], stderr=subprocess.PIPE, text=True, env={**home, **more}
  )
  try:
    said = ""
    while not (found := re.search(r"http://[^:\"]+:(\d+)", said)):
      line = process.stderr.readline()
      assert line, said
      said += line
    yield f"http://127.0.0.1:{found[1]}"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 0
  finally:
    process.kill()
    process.wait()


def status(url, key=None):
  request = urllib.request.Request(url, headers={} if key is None else {"X-API-Key": key})
  try:
    with urllib.request.urlopen(request, timeout=10) as answer:
      return answer.status
  except urllib.error.HTTPError as exc:
    with exc:
      return exc.code


def test_an_image_makes_its_secrets_once_and_lets_nobody_in_without(tmp_path):
  auth = tmp_path / "auth.yaml"
  written = (INFRA / "auth.yaml").read_text()
  assert "/secrets/" in written
  auth.write_text(written.replace("/secrets/", f"{tmp_path}/"))
  with started(tmp_path, auth) as url:
    made = [(tmp_path / name).read_text() for name in ("secret", "api-key")]
    assert [len(secret) for secret in made] == [64, 64]
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert status(f"{url}/readyz") == 200
    assert status(f"{url}/v1/streams") == 401
    assert status(f"{url}/v1/streams", made[1]) == 200
  with started(tmp_path, auth):
    assert [(tmp_path / name).read_text() for name in ("secret", "api-key")] == made
