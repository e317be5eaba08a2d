"""bond token: the same secret as the server's, and a token that it accepts."""

import json
import os
import subprocess
import sys
import time

import pytest
from bond_server.access.generations import FILE, FileGenerations
from bond_server.access.secret import server_secret
from bond_server.access.tokens import verify
from bond_server.commands.token import with_token
from bond_server.data_folder import data_folder

STREAM = "0123456789abcdef"
SECRET = "a-secret-of-the-tests-with-32-bytes!"


def bond_token(*arguments, **environ):
  clean = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  return subprocess.run(
    [sys.executable, "-m", "bond_core", "token", *map(str, arguments)],
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
    env=clean | environ,
  )


def opened(token, folder, environ=None):
  return verify(
    token,
    keyring=server_secret(folder, loopback=True, environ=environ or {}).keyring,
    generations=FileGenerations(folder / FILE),
    now_ms=round(time.time() * 1000),
  )


def test_a_token_of_the_command_opens_the_server_of_the_same_folder(tmp_path):
  done = bond_token(STREAM, "--data", tmp_path)
  assert done.returncode == 0, done.stderr
  grant = opened(done.stdout.strip(), tmp_path)
  assert grant.stream == STREAM
  assert 3590_000 < grant.expires_at - time.time() * 1000 < 3602_000


def test_it_takes_the_secret_and_the_folder_of_the_environment(tmp_path):
  done = bond_token("market", BOND_SECRET=SECRET, BOND_DATA=str(tmp_path), BOND_TOKEN_TTL="600")
  assert done.returncode == 0, done.stderr
  grant = opened(done.stdout.strip(), tmp_path, {"BOND_SECRET": SECRET})
  assert 590_000 < grant.expires_at - time.time() * 1000 < 602_000
  assert not (tmp_path / "secret").exists()


def test_it_knows_that_a_stream_was_deleted(tmp_path):
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)
  token = bond_token(STREAM, "--data", tmp_path).stdout.strip()
  assert opened(token, tmp_path).generation == 1


def test_json_tells_all_of_it_and_nothing_of_the_secret(tmp_path):
  done = bond_token(
    "market", "--ttl", "10m", "--url", "wss://x.example", "--json", "--data", tmp_path
  )
  message = json.loads(done.stdout)
  assert message["url"] == f"wss://x.example/stream?token={message['token']}"
  assert (message["stream_id"], message["expires_in_sec"]) == ("market", 600)
  assert abs(message["expires_at"] - time.time() - 600) < 30
  assert message["signed_with"] == str(tmp_path / "secret")
  assert (tmp_path / "secret").read_text().strip() not in done.stdout + done.stderr


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["nonsense"], "is no stream: an id has 16 hex digits, or is 'market'"),
    (["market", "--ttl", "soon"], "is not a duration"),
    (["market", "--ttl", "10ms"], "10ms is too short"),
    (["market", "--url", "ftp://x"], "write one as in ws://localhost:8080"),
  ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, arguments, message):
  done = bond_token(*arguments, "--data", tmp_path)
  assert done.returncode == 2
  assert message in done.stderr
  assert done.stderr.count("\n") == 1
  assert done.stdout == ""


def test_a_folder_that_is_a_file_is_one_sentence_too(tmp_path):
  path = tmp_path / "x"
  path.write_text("")
  done = bond_token("market", "--data", path)
  assert done.returncode == 2
  assert "choose" in done.stderr
  assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
  ("url", "stream", "whole"),
  [
    ("ws://localhost:8080", "market", "ws://localhost:8080/stream?token=t.1.s"),
    ("ws://localhost:8080/", STREAM, f"ws://localhost:8080/ws/{STREAM}?token=t.1.s"),
    ("wss://x/raw?symbol=BTC", "market", "wss://x/raw?symbol=BTC&token=t.1.s"),
    ("localhost:8080", "market", "ws://localhost:8080/stream?token=t.1.s"),
    ("ws://[::1]:8080", "market", "ws://[::1]:8080/stream?token=t.1.s"),
  ],
)
def test_the_url_is_the_one_to_connect_to(url, stream, whole):
  assert with_token(url, stream, "t.1.s") == whole


def test_the_data_folder_follows_the_rules_of_the_desktop(monkeypatch, tmp_path):
  monkeypatch.setenv("HOME", str(tmp_path))
  kept = tmp_path / ".local" / "share" / "bond"
  assert data_folder(environ={}) == kept
  assert data_folder(environ={"XDG_DATA_HOME": "/x/data"}).as_posix() == "/x/data/bond"
  assert data_folder(environ={"XDG_DATA_HOME": "relative"}) == kept
  assert data_folder(environ={"XDG_DATA_HOME": "/x", "BOND_DATA": "/y"}).as_posix() == "/y"
  assert data_folder("/z", {"BOND_DATA": "/y"}).as_posix() == "/z"
  assert data_folder("~/mine", {}) == tmp_path / "mine"
  assert data_folder("", {"BOND_DATA": ""}).name == "bond"
