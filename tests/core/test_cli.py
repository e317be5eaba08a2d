"""The command as a user meets it: a process, its output, its exit code."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BOND = [sys.executable, "-m", "bond_core"]
EXAMPLES = Path(__file__).parents[2] / "examples"

CLOCK = "sources: {c: {use: clock.ticks, with: {seconds: 0.05}}}\n"


def bond(*arguments, **options):
  return subprocess.run(
    [*BOND, *map(str, arguments)],
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
    **options,
  )


@pytest.fixture
def clock(tmp_path):
  path = tmp_path / "clock.yaml"
  path.write_text(CLOCK)
  return path


def test_help_teaches_and_names_every_command():
  done = bond("--help")
  assert done.returncode == 0
  for command in ("run", "check", "plan", "plugins", "sim"):
    assert f"  {command} " in done.stdout
  assert "Try: bond init" in done.stdout


def test_a_misspelt_command_is_guessed():
  done = bond("rum")
  assert done.returncode == 2
  assert "no command 'rum'; did you mean 'run'?" in done.stderr


def test_run_prints_events_as_json_lines_and_everything_else_elsewhere(clock):
  done = bond("run", clock, "--json", "--duration", "500ms")
  assert done.returncode == 0
  events = [json.loads(line) for line in done.stdout.splitlines()]
  assert len(events) >= 5
  assert [e["data"]["count"] for e in events] == list(range(1, len(events) + 1))
  assert {e["type"] for e in events} == {"custom"}
  assert f"{len(events)} events, 0 gaps, 0 reconnects in 0." in done.stderr


def test_run_reads_a_spec_from_standard_input():
  done = bond("run", "-", "--json", "--duration", "200ms", input=CLOCK)
  assert done.returncode == 0
  assert json.loads(done.stdout.splitlines()[0])["event_type"] == "tick"


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_a_run_with_its_summary_and_exit_code_0(clock, ask):
  process = subprocess.Popen(
    [*BOND, "run", str(clock), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
  )
  process.stdout.readline()
  started = time.monotonic()
  process.send_signal(ask)
  _, errors = process.communicate(timeout=120)
  assert process.returncode == 0
  assert ", 0 gaps, " in errors
  assert "Traceback" not in errors
  assert time.monotonic() - started < 10


def test_a_reader_that_goes_away_ends_the_run_quietly(clock):
  process = subprocess.Popen(
    [*BOND, "run", str(clock), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
  )
  process.stdout.readline()
  process.stdout.close()
  errors = process.stderr.read()
  process.wait(timeout=120)
  process.stderr.close()
  assert "Traceback" not in errors
  assert process.returncode == 0


@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_it_is_a_live_table_with_the_summary_below(clock, no_color):
  ours, theirs = pty.openpty()
  process = subprocess.Popen(
    [*BOND, "run", str(clock), "--duration", "1s"],
    stdin=theirs,
    stdout=theirs,
    stderr=theirs,
    env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": no_color},
  )
  os.close(theirs)
  shown = b""
  # Reading a terminal whose other end is closed is an error on Linux.
  with contextlib.suppress(OSError):
    while data := os.read(ours, 65536):
      shown += data
  os.close(ours)
  assert process.wait(timeout=120) == 0
  text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
  titles = "venue symbol market channel state rate age trend gaps events latest"
  assert re.search(titles.replace(" ", " +"), text)
  assert re.search(r"clock +custom +live +.*count", text)
  assert (b"\x1b[32mlive" in shown) is not bool(no_color)
  assert "0 gaps, 0 reconnects" in text
  assert "ERROR" not in text


def test_a_wrong_spec_is_exit_code_2_with_every_problem_and_place(tmp_path):
  path = tmp_path / "bad.yaml"
  path.write_text("sources: {c: {use: clock.ticks, with: {secnds: 1}}, d: {use: clok.ticks}}\n")
  for command in ("check", "run", "plan"):
    done = bond(command, path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{path}:1:40: sources.c.with.secnds: unknown key 'secnds'; did you mean" in done.stderr
    assert "no plugin 'clok' is installed" in done.stderr
    assert "^^^^^^" in done.stderr


def test_a_file_that_is_not_there_says_what_to_give():
  done = bond("run", "nowhere.yaml")
  assert done.returncode == 2
  assert "cannot read nowhere.yaml: No such file or directory; give a spec file" in done.stderr


def test_a_run_of_which_a_part_failed_is_exit_code_1(tmp_path):
  path = tmp_path / "s.yaml"
  path.write_text("sources: {t: {use: core.jsonl, with: {path: nothing.jsonl}}}\n")
  done = bond("run", path)
  assert done.returncode == 1
  assert "failed: sources.t: cannot read the recording nothing.jsonl" in done.stderr


def test_check_says_ok_with_the_streams_id(tmp_path):
  # One of them plays it.
  (tmp_path / "recording.jsonl").touch()
  done = bond("check", *sorted(EXAMPLES.glob("*.yaml")), cwd=tmp_path)
  assert done.returncode == 0, done.stderr
  assert len(done.stdout.splitlines()) == len(list(EXAMPLES.glob("*.yaml")))
  assert "btc-pulse.yaml: ok: btc-pulse, 3 sources, 2 transforms, 1 sink, id " in done.stdout


def test_check_goes_on_after_a_spec_that_is_wrong_and_says_what_is_missing_on_this_machine(
  tmp_path,
):
  missing = tmp_path / "missing.yaml"
  missing.write_text(
    "sources: {r: {use: core.jsonl, with: {path: nowhere.jsonl}}}\n"
    "transforms: {m: {use: core.map, from: r, with: {function: 'nomodule:f'}}}\n"
  )
  files = [tmp_path / "nothere.yaml", missing, EXAMPLES / "btc-pulse.yaml"]
  done = bond("check", *files)
  assert done.returncode == 2
  assert f"cannot read {files[0]}" in done.stderr
  assert f"{missing}:1:11: sources.r: there is no recording nowhere.jsonl" in done.stderr
  assert f"{missing}:2:14: transforms.m: core.map: there is no module 'nomodule'" in done.stderr
  assert "btc-pulse.yaml: ok" in done.stdout
  again = bond("check", "--json", *files)
  assert again.returncode == 2
  found = json.loads(again.stdout)
  assert [one["ok"] for one in found] == [False, False, True]
  assert [p["path"] for p in found[1]["problems"]] == ["sources.r", "transforms.m"]
  assert (found[2]["sinks"], found[2]["problems"]) == (1, [])


def test_plan_says_what_a_spec_costs_without_connecting():
  done = bond("plan", EXAMPLES / "btc-pulse.yaml", "--json")
  assert done.returncode == 0
  plan = json.loads(done.stdout)
  (venue,) = plan["venues"]
  assert (venue["venue"], venue["group"]) == ("binance", "spot")
  assert (venue["connections"], venue["subscriptions"], venue["weight"]) == (1, 4, 50)
  text = bond("plan", EXAMPLES / "btc-pulse.yaml").stdout
  assert "4 subscriptions on 1 connections, 0 messages, request weight 50" in text
  assert "terms of use: Binance Terms of Use" in text


def test_plan_paces_many_books_by_the_venues_weight(tmp_path):
  path = tmp_path / "many.yaml"
  symbols = ", ".join(f"A{n}/USDT" for n in range(500))
  path.write_text(f"sources: {{b: {{use: binance.orderbook, with: {{symbols: [{symbols}]}}}}}}\n")
  (venue,) = json.loads(bond("plan", path, "--json").stdout)["venues"]
  assert venue["weight"] == 25_000
  assert 240 <= venue["start_seconds"] <= 360


def test_plugins_lists_what_is_here_for_people_and_machines():
  listed = json.loads(bond("plugins", "--json").stdout)
  by_name = {plugin["name"]: plugin for plugin in listed}
  assert {"core", "binance", "clock", "sim"} <= set(by_name)
  assert by_name["binance"]["package"] == "bond-binance"
  assert {"kind": "source", "name": "clock.ticks", "summary": "A tick every so often."} in (
    by_name["clock"]["components"]
  )
  assert "binance.trades" in bond("plugins").stdout


def test_an_unknown_simulator_and_a_wrong_fault_are_sentences():
  done = bond("sim", "mars")
  assert done.returncode == 2
  assert "no simulator of 'mars'" in done.stderr
  done = bond("sim", "binance", "--port", "0", "--fault", "explode")
  assert done.returncode == 2
  assert "explode" in done.stderr
  assert "Traceback" not in done.stderr


def test_a_spec_runs_unchanged_against_simulated_venues():
  done = bond("run", EXAMPLES / "perpetual.yaml", "--sim", "--json", "--duration", "6s")
  assert done.returncode == 0, done.stderr
  assert "simulated: binance is bond sim binance at http://127.0.0.1:" in done.stderr
  events = [json.loads(line) for line in done.stdout.splitlines()]
  kinds = {(e["type"], e["market_type"]) for e in events}
  assert {("trade", "spot"), ("trade", "perp"), ("funding", "perp"), ("candle", "spot")} <= kinds
