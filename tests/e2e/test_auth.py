"""Who gets in at a server that listens beyond this machine, as a user sets it up."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import jwt
import pytest
from bond_server.access.generations import FILE, FileGenerations
from bond_server.access.secret import server_secret
from bond_server.access.tokens import mint
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

BOND = [sys.executable, "-m", "bond_core"]
SECRET = "a-secret-of-the-tests-with-32-bytes!"
KEY = "a-key-of-the-tests-0123456789"
ISSUER = "https://login.example.com/"


class Served:
  """A running `bond serve` and what it takes to talk to it."""

  def __init__(self, folder):
    self.private = ed25519.Ed25519PrivateKey.generate()
    public = self.private.public_key()
    (folder / "provider.pem").write_bytes(
      public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    self.keys = folder / "alice"
    self.keys.write_text(KEY)
    auth = folder / "auth.yaml"
    auth.write_text(
      "auth:\n"
      "  - use: jwt.bearer\n"
      f"    with: {{issuer: '{ISSUER}', audience: bond, algorithms: [EdDSA],\n"
      f"           public_key: {folder}/provider.pem}}\n"
      f"  - {{use: core.keys, with: {{keys: {{alice: {{secret: {{file: {self.keys}}}}}}}}}}}\n"
      "  - core.tokens\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
    self.data = folder / "data"
    self.secret = folder / "secret"
    self.secret.write_text(SECRET)
    self.environ = clean | {
      "BOND_SECRET_FILE": str(self.secret),
      "BOND_DATA": str(self.data),
    }
    self.log = (folder / "log").open("w+")
    self.process = subprocess.Popen(
      [
        *BOND,
        "serve",
        "--memory",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--api-port",
        "0",
        "--auth",
        str(auth),
        "-vv",
      ],
      stderr=self.log,
      env=self.environ,
    )
    self.port = self._port()

  def _port(self):
    until = time.monotonic() + 30
    while time.monotonic() < until and self.process.poll() is None:
      found = re.search(r"^broker: \w+://[^:]+:(\d+)", self.said(), re.M)
      if found:
        return int(found[1])
      time.sleep(0.02)
    raise AssertionError(self.said())

  def said(self):
    self.log.seek(0)
    return self.log.read()

  def token(self, stream="market", lasts=600):
    secret = server_secret(self.data, loopback=False, environ=self.environ)
    generations = FileGenerations(self.data / FILE)
    expiry = int(time.time()) + lasts
    return mint(stream, expiry, keyring=secret.keyring, generations=generations)

  def jwt(self, **changes):
    made = {"iss": ISSUER, "aud": "bond", "sub": "bob", "exp": int(time.time()) + 600}
    return jwt.encode(made | {"streams": ["market"]} | changes, self.private, "EdDSA")

  def open(self, path="/stream", headers=None):
    url = f"ws://127.0.0.1:{self.port}{path}"
    return connect(url, additional_headers=headers, proxy=None, close_timeout=0.1)

  def stop(self):
    self.process.terminate()
    self.process.wait(20)
    self.log.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
  server = Served(tmp_path_factory.mktemp("auth"))
  yield server
  server.stop()


def answer(socket):
  """What comes for a subscription: the type of the first message, or the code of an error."""
  try:
    socket.send(json.dumps({"type": "subscribe", "channels": ["trades"]}))
  except ConnectionClosed as exc:
    return exc.rcvd.code
  first = json.loads(socket.recv(timeout=10))
  return first["code"] if first["type"] == "error" else first["type"]


def test_everybody_who_belongs_gets_in_in_every_way(served):
  token, given = served.token(), served.jwt()
  ways = [
    (f"/stream?token={token}", None),
    ("/stream", {"Authorization": f"Bearer {token}"}),
    ("/stream", {"Authorization": f"Bearer {given}"}),
    (f"/stream?token={given}", None),
    ("/stream", {"X-API-Key": KEY}),
    (f"/stream?key={KEY}", None),
    (f"/stream?token={KEY}", None),
  ]
  for path, headers in ways:
    with served.open(path, headers) as socket:
      assert answer(socket) == "system", path
  with served.open() as socket:
    socket.send(json.dumps({"type": "auth", "token": token}))
    assert answer(socket) == "system"


def test_nobody_else_does(served):
  token = served.token()
  wrong = [
    ("/stream", None),
    (f"/stream?token={token[:-1]}", None),
    (f"/stream?token={served.token('0123456789abcdef')}", None),
    ("/stream", {"X-API-Key": KEY + "x"}),
    ("/stream", {"Authorization": f"Bearer {served.jwt(aud='another')}"}),
    ("/stream", {"Authorization": f"Bearer {served.jwt(streams=['0123456789abcdef'])}"}),
  ]
  for path, headers in wrong:
    with served.open(path, headers) as socket:
      assert answer(socket) == 4500, path


def test_a_token_ends_in_the_middle_of_a_connection(served):
  with served.open(f"/stream?token={served.token(lasts=3)}") as socket:
    assert answer(socket) == "system"
    with pytest.raises(ConnectionClosed) as closed:
      while True:
        socket.recv(timeout=10)
  assert closed.value.rcvd.code == 4005


def test_the_url_that_bond_token_prints_is_all_one_needs(served):
  made = subprocess.run(
    [*BOND, "token", "market", "--url", f"ws://127.0.0.1:{served.port}"],
    env=served.environ,
    capture_output=True,
    text=True,
    timeout=120,
    check=True,
  )
  with connect(made.stdout.strip(), proxy=None, close_timeout=0.1) as socket:
    assert answer(socket) == "system"


def test_a_key_that_is_withdrawn_ends_its_connections(served):
  with served.open("/stream", {"X-API-Key": KEY}) as socket:
    assert answer(socket) == "system"
    served.keys.write_text("another-key-0123456789")
    try:
      with pytest.raises(ConnectionClosed) as closed:
        while True:
          socket.recv(timeout=10)
    finally:
      served.keys.write_text(KEY)
  assert closed.value.rcvd.code == 4500


def test_a_new_secret_disconnects_nobody_until_the_old_one_is_taken_away(served):
  def rotate(*secrets):
    served.secret.write_text("\n".join(secrets))
    told = served.said().count("the secret was read again")
    served.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 10
    while served.said().count("the secret was read again") == told:
      assert time.monotonic() < until, served.said()
      time.sleep(0.02)

  old = served.token()
  with served.open(f"/stream?token={old}") as socket:
    assert answer(socket) == "system"
    rotate(SECRET[::-1], SECRET)
    assert served.token().split(".")[2] != old.split(".")[2]
    for token in (old, served.token()):
      with served.open(f"/stream?token={token}") as other:
        assert answer(other) == "system"
    try:
      rotate(SECRET[::-1])
      with pytest.raises(ConnectionClosed) as closed:
        while True:
          socket.recv(timeout=10)
    finally:
      rotate(SECRET)
  assert closed.value.rcvd.code == 4500


@pytest.mark.parametrize(
  ("headers", "status"), [({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403)]
)
def test_a_page_of_somebody_else_does_not_get_as_far_as_showing_a_token(served, headers, status):
  with (
    pytest.raises(InvalidStatus) as refused,
    served.open(f"/stream?token={served.token('market')}", headers),
  ):
    pass
  assert refused.value.response.status_code == status


def test_what_the_server_logged_opens_no_door(served):
  for secret in (SECRET, SECRET[::-1], KEY, "eyJ"):
    assert secret not in served.said()
  assert not re.search(r"market\.\d+\.[\w-]{20}", served.said())


def test_off_loopback_nothing_starts_without_a_secret(tmp_path):
  clean = {name: value for name, value in os.environ.items() if not name.startswith("BOND_")}
  for environ in ({}, {"BOND_SECRET": "too-short"}):
    done = subprocess.run(
      [
        *BOND,
        "serve",
        "--memory",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--api-port",
        "0",
        "--data",
        str(tmp_path),
      ],
      env=clean | environ,
      capture_output=True,
      text=True,
      timeout=120,
      check=False,
    )
    assert done.returncode == 2
    assert 'make one with `export BOND_SECRET="$(openssl rand -hex 32)"`' in done.stderr
