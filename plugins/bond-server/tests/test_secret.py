"""Where the secret comes from, and which ones are good enough for what."""

import os
import stat

import pytest
from bond_server.access.generations import MemoryGenerations
from bond_server.access.secret import FILE_NAME, reread_secret, server_secret
from bond_server.access.tokens import mint, verify

from bond_core import AuthError

STRONG = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OLD = "an-older-secret-of-enough-bytes!"
OLDER = "the-oldest-secret-of-enough-bytes"


def secret(tmp_path, *, loopback=False, **environ):
  return server_secret(tmp_path / "data", loopback=loopback, environ=environ)


def token_of(keyring):
  return mint("market", 10**10, keyring=keyring, generations=MemoryGenerations())


def opens(keyring, token):
  verify(token, keyring=keyring, generations=MemoryGenerations(), now_ms=0)
  return True


def refused(tmp_path, **environ):
  with pytest.raises(AuthError) as error:
    secret(tmp_path, **environ)
  for value in environ.values():
    if isinstance(value, str) and value:
      assert not any(part in str(error.value) for part in value.split() if len(part) > 5)
  return str(error.value)


def test_off_loopback_a_secret_must_be_given_and_the_sentence_says_how(tmp_path):
  for environ in ({}, {"BOND_SECRET": ""}, {"BOND_SECRET": "  "}):
    reason = refused(tmp_path, **environ)
    assert 'export BOND_SECRET="$(openssl rand -hex 32)"' in reason
  assert not (tmp_path / "data").exists()


def test_off_loopback_a_saved_secret_does_not_do(tmp_path):
  secret(tmp_path, loopback=True)
  assert "needs BOND_SECRET" in refused(tmp_path)


@pytest.mark.parametrize(
  ("weak", "why"),
  [
    ("tiny-secret", "has 11 bytes and needs at least 32"),
    (STRONG[:31], "has 31 bytes and needs at least 32"),
    ("a" * 64, "repeats a few characters"),
    ("changeme" * 4, "repeats a few characters"),
  ],
)
def test_a_weak_secret_is_refused_off_loopback_and_a_warning_on_it(tmp_path, weak, why):
  assert f"BOND_SECRET {why}" in refused(tmp_path, BOND_SECRET=weak)
  here = secret(tmp_path, loopback=True, BOND_SECRET=weak)
  assert why in here.warning
  assert weak not in here.warning + repr(here)


def test_a_weak_previous_secret_is_weak_too(tmp_path):
  reason = refused(tmp_path, BOND_SECRET=STRONG, BOND_SECRET_PREVIOUS="short-and-old")
  assert "has 13 bytes" in reason


def test_a_strong_secret_is_taken_as_it_stands(tmp_path):
  strange = "p,a;s:s=w'o\"r$d-with-32-bytes-ö!"
  found = secret(tmp_path, BOND_SECRET=strange)
  assert found.warning is None
  assert found.source == "BOND_SECRET"
  message = b"v1.market.0.10000000000"
  assert found.keyring.sign(message) == secret(tmp_path, BOND_SECRET=strange).keyring.sign(message)


def test_32_bytes_are_enough_also_where_they_are_fewer_characters(tmp_path):
  assert secret(tmp_path, BOND_SECRET="äöüßéèêëàáâãåæçñ").warning is None


def test_old_secrets_verify_and_the_new_one_signs(tmp_path):
  old = token_of(secret(tmp_path, BOND_SECRET=OLD).keyring)
  older = token_of(secret(tmp_path, BOND_SECRET=OLDER).keyring)
  both = secret(tmp_path, BOND_SECRET=STRONG, BOND_SECRET_PREVIOUS=f"{OLD} {OLDER}").keyring
  assert opens(both, old)
  assert opens(both, older)
  assert token_of(both) == token_of(secret(tmp_path, BOND_SECRET=STRONG).keyring)
  with pytest.raises(AuthError):
    opens(secret(tmp_path, BOND_SECRET=STRONG).keyring, old)


@pytest.mark.parametrize(
  ("environ", "reason"),
  [
    ({"BOND_SECRET": f"{STRONG} {OLD}"}, "old secrets go to BOND_SECRET_PREVIOUS"),
    ({"BOND_SECRET_PREVIOUS": OLD}, "set the new secret too"),
    ({"BOND_SECRET": STRONG, "BOND_SECRET_FILE": "/x"}, "unset one of them"),
    ({"BOND_SECRET_FILE": "/no/such/file"}, "cannot read BOND_SECRET_FILE"),
  ],
)
def test_what_makes_no_sense_is_refused(tmp_path, environ, reason):
  with pytest.raises(AuthError, match=reason) as error:
    secret(tmp_path, loopback=True, **environ)
  assert STRONG not in str(error.value)
  assert OLD not in str(error.value)


@pytest.mark.parametrize(("content", "reason"), [(b" \n", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_secrets_file_that_holds_none_is_refused(tmp_path, content, reason):
  path = tmp_path / "s"
  path.write_bytes(content)
  with pytest.raises(AuthError, match=reason):
    secret(tmp_path, BOND_SECRET_FILE=str(path))


def test_a_secrets_file_rotates_while_connections_stay(tmp_path):
  path = tmp_path / "s"
  environ = {"BOND_SECRET_FILE": str(path)}
  path.write_text(f"{OLD}\n")
  keyring = secret(tmp_path, **environ).keyring
  token = token_of(keyring)
  generations = MemoryGenerations()
  grant = verify(token, keyring=keyring, generations=generations, now_ms=0)

  def reread():
    return reread_secret(keyring, tmp_path, loopback=False, environ=environ)

  path.write_text(f"{STRONG}\n{OLD}\n")
  assert reread().keyring is keyring
  assert grant.holds(keyring, generations)
  assert token_of(keyring) != token
  path.write_text("short")
  with pytest.raises(AuthError):
    reread()
  assert grant.holds(keyring, generations)
  path.write_text(STRONG)
  reread()
  assert not grant.holds(keyring, generations)


def test_on_loopback_a_secret_is_made_once_and_saved_for_the_owner_only(tmp_path):
  before = os.umask(0)
  try:
    first = secret(tmp_path, loopback=True)
  finally:
    os.umask(before)
  path = tmp_path / "data" / FILE_NAME
  assert stat.S_IMODE(path.stat().st_mode) == 0o600
  assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
  assert [p.name for p in path.parent.iterdir()] == [FILE_NAME]
  assert len(path.read_text().strip()) == 64
  assert first.source == str(path)
  assert opens(secret(tmp_path, loopback=True).keyring, token_of(first.keyring))
  assert path.read_text().strip() not in repr(first)


def test_two_places_have_two_secrets(tmp_path):
  one = secret(tmp_path / "one", loopback=True).keyring
  other = secret(tmp_path / "other", loopback=True).keyring
  with pytest.raises(AuthError):
    opens(other, token_of(one))


def test_the_process_that_saves_the_secret_first_wins(tmp_path, monkeypatch):
  """Two processes that start at once agree on one secret."""
  first = []

  def link(source, target):
    monkeypatch.undo()
    first.append(token_of(secret(tmp_path, loopback=True).keyring))
    os.link(source, target)

  monkeypatch.setattr(os, "link", link)
  assert opens(secret(tmp_path, loopback=True).keyring, first[0])


def test_a_file_system_without_links_keeps_a_secret_too(tmp_path, monkeypatch):
  def link(source, target):
    raise PermissionError(1, "Operation not permitted")

  monkeypatch.setattr(os, "link", link)
  token = token_of(secret(tmp_path, loopback=True).keyring)
  assert opens(secret(tmp_path, loopback=True).keyring, token)


def test_a_saved_secret_that_others_can_read_is_none(tmp_path):
  secret(tmp_path, loopback=True)
  (tmp_path / "data" / FILE_NAME).chmod(0o644)
  with pytest.raises(AuthError, match="can be read by other users; run `chmod 600"):
    secret(tmp_path, loopback=True)


@pytest.mark.parametrize("content", ["", "short"])
def test_a_saved_secret_that_was_cut_is_refused(tmp_path, content):
  (tmp_path / "data").mkdir()
  path = tmp_path / "data" / FILE_NAME
  path.write_text(content)
  path.chmod(0o600)
  with pytest.raises(AuthError, match="holds no whole secret; delete it"):
    secret(tmp_path, loopback=True)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
  (tmp_path / "data").write_text("")
  with pytest.raises(AuthError, match=r"cannot read .*choose a folder with --data"):
    secret(tmp_path, loopback=True)
