"""Which language model is asked: what this machine's operator says in the environment."""

import os
from typing import Final
from urllib.parse import urlsplit

import attrs

from bond_core import BondError, Secret, SecretMissing

SECONDS: Final = 20.0
MOST_SECONDS: Final = 300.0
OFF: Final = (
  "no language model is asked: set BOND_LLM_URL (such as http://127.0.0.1:11434/v1) and "
  "BOND_LLM_MODEL, and BOND_LLM_KEY where it needs one"
)
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


class SettingsError(BondError):
  """What is wrong with the settings."""


@attrs.frozen
class Settings:
  """The base URL of an OpenAI-compatible API, the model, and seconds for a whole answer."""

  url: str
  model: str
  key: str = attrs.field(default="", repr=False)
  seconds: float = SECONDS


def read_settings() -> Settings | None:
  """The settings of this process; None where it is off. Raises SettingsError."""
  url = os.environ.get("BOND_LLM_URL", "").strip().rstrip("/")
  if not url:
    return None
  model = os.environ.get("BOND_LLM_MODEL", "").strip()
  if not model:
    raise SettingsError("BOND_LLM_URL is set, and BOND_LLM_MODEL does not say which model")
  key = _key()
  try:
    parts = urlsplit(url)
    good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    good = good and not (parts.username or parts.password or parts.query or parts.fragment)
  except ValueError:
    good = False
  if not good:
    # It is not repeated: somebody may have put the key in it.
    raise SettingsError("BOND_LLM_URL is no base URL; write one such as https://HOST/v1")
  if not (key.isascii() and key.isprintable()):
    raise SettingsError("BOND_LLM_KEY has characters that no header can have")
  if key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
    raise SettingsError("BOND_LLM_KEY is sent over https:// only, or to this machine")
  return Settings(url, model, key, _seconds())


def _key() -> str:
  file = os.environ.get("BOND_LLM_KEY_FILE", "").strip()
  try:
    if file:
      return Secret(file=file).reveal().strip()
  except SecretMissing as exc:
    raise SettingsError(f"BOND_LLM_KEY_FILE: {exc}") from None
  return os.environ.get("BOND_LLM_KEY", "").strip()


def _seconds() -> float:
  text = os.environ.get("BOND_LLM_SECONDS", "").strip()
  try:
    found = float(text or SECONDS)
  except ValueError:
    found = 0.0
  if not 0 < found <= MOST_SECONDS:
    raise SettingsError(f"BOND_LLM_SECONDS is no number of seconds up to {MOST_SECONDS:g}")
  return found
