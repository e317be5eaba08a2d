"""The secret that signs URLs: BOND_SECRET, or one that was made and saved.

BOND_SECRET is the secret as it stands. To rotate it, the old one goes to BOND_SECRET_PREVIOUS
(several: separated by spaces) until its tokens have expired, and they stay valid that long.
BOND_SECRET_FILE names a file instead, one secret a line, of which the first signs; a server can
read it again while connections stay (`reread_secret`). The saved file has the same form.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from bond_core import AuthError
from bond_server.access.private_file import create_private, make_private_folder, read_private
from bond_server.access.tokens import MIN_KEY_BYTES, Keyring

FILE_NAME: Final = "secret"
"""The name of the saved secret's file in the data folder."""

# A text that repeats a word has fewer; 32 hex digits have fewer in one of 30 million cases.
MIN_CHARACTERS: Final = 8

HOW: Final = 'make one with `export BOND_SECRET="$(openssl rand -hex 32)"`'

_MAX_FILE_BYTES = 64 * 1024


@attrs.frozen
class ServerSecret:
  """The keys that sign and verify, and their origin. `warning` is for the log."""

  keyring: Keyring
  source: str
  warning: str | None = None


def server_secret(
  folder: Path | None, *, loopback: bool, environ: Mapping[str, str] | None = None
) -> ServerSecret:
  """The server's secret. Off loopback it must be given, and be a strong one; on loopback one is
  made once and saved in `folder` where none is given, or made for this process alone where there is
  no folder. Raises AuthError, which says what to do."""
  environ = os.environ if environ is None else environ
  given, source = _given(environ)
  if not given:
    if not loopback:
      raise AuthError(
        "listening beyond this machine needs BOND_SECRET, the secret that signs URLs, of at least "
        f"{MIN_KEY_BYTES} bytes; {HOW}"
      )
    if folder is None:
      return ServerSecret(Keyring(secrets.token_bytes(MIN_KEY_BYTES)), "this process")
    saved = _saved(folder / FILE_NAME)
    return ServerSecret(Keyring(saved[0], saved[1:]), str(folder / FILE_NAME))
  weak = next(filter(None, map(_weakness, given)), None)
  if weak is not None and not loopback:
    raise AuthError(f"{source} {weak}; {HOW}")
  keyring = Keyring(given[0].encode(), [key.encode() for key in given[1:]])
  warning = f"{source} {weak}: good enough on this machine only; {HOW}" if weak else None
  return ServerSecret(keyring, source, warning)


def reread_secret(
  keyring: Keyring, folder: Path | None, *, loopback: bool, environ: Mapping[str, str] | None = None
) -> ServerSecret:
  """Reads the secret again and puts its keys into a keyring that is in use. Where that fails, the
  keyring stays as it was."""
  found = server_secret(folder, loopback=loopback, environ=environ)
  keyring.adopt(found.keyring)
  return attrs.evolve(found, keyring=keyring)


def _given(environ: Mapping[str, str]) -> tuple[list[str], str]:
  """The secrets that were given, the one that signs first, and the name of their place."""
  # An empty variable is one that was not set: Compose files pass such on.
  secret = environ.get("BOND_SECRET", "").strip()
  file = environ.get("BOND_SECRET_FILE", "")
  previous = environ.get("BOND_SECRET_PREVIOUS", "").split()
  if secret and file:
    raise AuthError("BOND_SECRET and BOND_SECRET_FILE are both set; unset one of them")
  if file:
    return [*_lines(Path(file)), *previous], f"BOND_SECRET_FILE ({file})"
  if secret and len(secret.split()) > 1:
    raise AuthError(
      "BOND_SECRET has a space or a line break in it; old secrets go to BOND_SECRET_PREVIOUS"
    )
  if previous and not secret:
    raise AuthError("BOND_SECRET_PREVIOUS is set and BOND_SECRET is not; set the new secret too")
  return [secret, *previous] if secret else [], "BOND_SECRET"


def _lines(path: Path) -> list[str]:
  try:
    with path.open("rb") as file:
      text = file.read(_MAX_FILE_BYTES).decode()
  except OSError as exc:
    raise AuthError(f"cannot read BOND_SECRET_FILE {path}: {exc.strerror}") from None
  except UnicodeDecodeError:
    # The codec's own error would carry the bytes.
    raise AuthError(f"BOND_SECRET_FILE {path} is not UTF-8 text") from None
  found = text.split()
  if not found:
    raise AuthError(f"BOND_SECRET_FILE {path} is empty; {HOW.replace('export ', '')}")
  return found


def _weakness(secret: str) -> str | None:
  """What is weak about a secret, without any of it."""
  if len(secret.encode()) < MIN_KEY_BYTES:
    return f"has {len(secret.encode())} bytes and needs at least {MIN_KEY_BYTES}"
  if len(set(secret)) < MIN_CHARACTERS:
    return "repeats a few characters and can be guessed"
  return None


def _saved(path: Path) -> list[bytes]:
  """The secrets in the file, the one that signs first; made where there is none."""
  try:
    saved = read_private(path)
    if saved is None:
      make_private_folder(path.parent)
      saved = create_private(path, secrets.token_hex(32).encode() + b"\n")
  except OSError as exc:
    raise AuthError(
      f"cannot keep a secret in {path}: {exc.strerror}; set BOND_SECRET, or choose a folder with "
      "--data"
    ) from None
  found = saved.split()
  if not found or any(len(secret) < MIN_KEY_BYTES for secret in found):
    raise AuthError(f"{path} holds no whole secret; delete it and a new one is made")
  return found
