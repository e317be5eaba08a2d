"""bond serve --config, --print-config and --log-format, as a user meets them."""

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml

BOND = [sys.executable, "-m", "bond_core"]
CANARY = "canary-0123456789abcdef0123456789abcdef"


def serve(*arguments, **environment):
  kept = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  return subprocess.run(
    [*BOND, "serve", *map(str, arguments)],
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
    env={**kept, **environment},
  )


@pytest.fixture
def config(tmp_path):
  def write(text):
    path = tmp_path / "bond.yaml"
    path.write_text(text)
    return path

  return write


def sources(printed):
  """By option, the value and where it comes from."""
  found = {}
  for line in printed.splitlines():
    written, source = line.rsplit("  # ", 1)
    for key, value in (yaml.safe_load(written) or {}).items():
      found[key] = (value, source)
  return found


def test_flags_come_before_the_environment_and_that_before_the_file(config):
  path = config("port: 1\nkeep: 1h\nsize: 2MiB\n")
  done = serve("--config", path, "--print-config", "--port", 3, BOND_PORT="2", BOND_KEEP="2h")
  assert (done.returncode, done.stderr) == (0, "")
  found = sources(done.stdout)
  assert found["port"] == (3, "--port")
  assert found["keep"] == ("2h", "BOND_KEEP")
  assert found["size"] == ("2MiB", f"{path}:3")
  assert found["host"] == ("127.0.0.1", "default")


def test_limits_of_questions_are_set_as_all_else(config):
  path = config("answers-waiting: 7\n")
  done = serve("--config", path, "--print-config", "--answers-markets", 3)
  found = sources(done.stdout)
  assert found["answers-waiting"] == (7, f"{path}:1")
  assert found["answers-markets"] == (3, "--answers-markets")
  assert found["answers-calls-a-minute"] == (6000, "default")
  assert serve("--print-config", "--answers-waiting", -1).returncode == 2


def test_the_file_itself_can_be_named_by_the_environment(config):
  path = config("port: 4\n")
  assert sources(serve("--print-config", BOND_CONFIG=str(path)).stdout)["port"] == (4, f"{path}:1")


def test_what_is_printed_is_a_file_that_gives_the_same(config):
  path = config("sim: true\norigin: [https://a.example]\nheartbeat: 5s\nspecs: [a.yaml, b.yaml]\n")
  first = serve("--config", path, "--print-config").stdout
  again = serve("--config", config(first), "--print-config")
  assert again.returncode == 0, again.stderr

  def values(text):
    return {key: value for key, (value, _) in sources(text).items()}

  assert values(again.stdout) == values(first)
  assert values(first)["specs"] == ["a.yaml", "b.yaml"]
  assert values(first)["origin"] == ["https://a.example"]


def test_secrets_are_named_and_not_shown(config):
  path = config(f"ws-host: wss://user:{CANARY}@feed.example.com/?token={CANARY}\n")
  keys = f"alice:{CANARY}"
  done = serve("--config", path, "--print-config", BOND_SECRET=CANARY, BOND_API_KEYS=keys)
  assert done.returncode == 0
  assert CANARY not in done.stdout + done.stderr
  assert "# BOND_SECRET: ***" in done.stdout
  assert "# BOND_API_KEYS: ***" in done.stdout
  assert "feed.example.com" in done.stdout


def test_every_problem_of_the_file_is_reported_at_its_place(config):
  path = config(f"prot: 1\nport: x\nsim: 3\nlog-format: xml\nbond_secret: {CANARY}\nspecs: {{}}\n")
  done = serve("--config", path)
  assert (done.returncode, done.stdout) == (2, "")
  for message in (
    f"{path}:1:1: prot: unknown key 'prot'; did you mean 'port'?",
    f"{path}:2:7: port: expected a whole number, got the text 'x'",
    f"{path}:3:6: sim: expected true or false, got the number 3",
    f"{path}:4:13: log-format: 'xml' is not one of 'human', 'json'",
    f"{path}:5:1: bond_secret: unknown key 'bond_secret'; a secret stands in the environment only",
    f"{path}:6:8: specs: expected a list of texts",
  ):
    assert message in done.stderr
  assert CANARY not in done.stderr


def test_a_value_that_only_the_service_can_judge_is_reported_at_its_place_too(config):
  path = config("port: 1\nheartbeat: never\n")
  assert f"{path}:2: --heartbeat: 'never' is not a duration" in serve("--config", path).stderr
  message = serve(BOND_BROKER_HEARTBEAT="never").stderr
  assert "BOND_BROKER_HEARTBEAT: --heartbeat: 'never' is not a duration" in message


def test_a_file_that_is_not_there_is_an_error(tmp_path):
  done = serve("--config", tmp_path / "none.yaml")
  assert done.returncode == 2
  assert "none.yaml: No such file or directory; --config names a YAML file" in done.stderr


def test_the_file_decides_what_runs_and_every_line_is_json(config, tmp_path):
  path = config(
    f"port: 0\napi-port: 0\nmemory: true\nlog-format: json\ndata: {tmp_path}\nverbose: 1\n"
  )
  kept = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  process = subprocess.Popen(
    [*BOND, "serve", "--config", str(path)], stderr=subprocess.PIPE, text=True, env=kept
  )
  try:
    first = json.loads(process.stderr.readline())
    assert first["message"].startswith(("broker: ws://127.0.0.1:", "rest: http://127.0.0.1:"))
    assert first["level"] == "info"
    assert first["time"].endswith("Z")
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=120)[1]
  finally:
    process.kill()
    process.wait()
  lines = [json.loads(line) for line in rest.splitlines()]
  assert "stopping" in [line["message"] for line in lines]
  assert process.returncode == 0


def test_errors_at_start_are_json_where_logs_are():
  done = serve("--log-format", "json", "--heartbeat", "never")
  assert done.returncode == 2
  line = json.loads(done.stderr)
  assert line["level"] == "error"
  assert line["message"].startswith("--heartbeat: 'never' is not a duration")


def test_the_help_names_the_variable_of_each_option():
  message = serve("--help").stdout
  for name in ("BOND_CONFIG", "BOND_LOG_FORMAT", "BOND_PORT", "BOND_BROKER_HEARTBEAT"):
    assert f"env var: {name}" in " ".join(message.split())


def test_an_unknown_target_is_reported_with_the_known_ones():
  done = serve("--target", "everything", "--print-config")
  assert done.returncode == 2
  assert "--target (SERVICE_TARGET) is one of all, " in done.stderr


@pytest.mark.parametrize(
  ("target", "has", "lacks"), [("broker", "port", "api-port"), ("api", "api-port", "max-clients")]
)
def test_a_target_is_one_service(target, has, lacks):
  shown = serve("--print-config", SERVICE_TARGET=target).stdout
  assert f"\n{has}:" in f"\n{shown}"
  assert f"\n{lacks}:" not in f"\n{shown}"


def test_an_address_of_redis_that_nothing_would_use_is_an_error(tmp_path):
  done = serve("--data", tmp_path, "--port", 0, "--api-port", 0, REDIS_URL="redis://localhost:1")
  assert done.returncode == 2
  assert "REDIS_URL is set, but the log is core.file" in done.stderr
  assert "--log redis.streams" in done.stderr
