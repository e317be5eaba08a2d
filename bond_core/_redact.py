"""Removes tokens and keys from what is about to be logged."""

import logging
import re
import traceback
from typing import Final
from urllib.parse import unquote_plus

HIDDEN: Final = "***"

SECRET_PARAMETERS: Final = frozenset(
  [
    "token",
    "access_token",
    "id_token",
    "key",
    "api_key",
    "apikey",
    "secret",
    "password",
    "sig",
    "signature",
    "auth",
    "authorization",
  ]
)

# A parameter with its value; the name is decoded before it is looked up, because %74oken is token.
_PARAMETER = re.compile(r"(?P<before>[?&;#\s]|^)(?P<name>[\w.%+-]{1,64})=(?![,)])[^&;#\s\"'<>]+")
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^/?#\s@\"']+@", re.IGNORECASE)
# A header as text, as a tuple or in a dictionary, as text or bytes.
_HEADER = re.compile(
  r"\b((?:proxy-)?authorization|x-api-key)(['\"]?\s*[:=,]\s*(?:b?['\"])?)"
  r"(?:(?:bearer|basic|digest|token)\s+)?[^\s'\",;]+",
  re.IGNORECASE,
)
_COOKIE = re.compile(r"\b((?:set-)?cookie)(['\"]?\s*[:,]\s*(?:b?['\"])?)[^'\"\r\n]+", re.IGNORECASE)
_SCHEME = re.compile(r"\b(bearer|basic)(\s+|%20|\+)[\w.~+/=-]{12,}", re.IGNORECASE)
_FIELD = re.compile(
  r"(['\"](?:access_token|api_key|key|password|secret|token)\\?['\"]\s*:\s*b?\\?['\"])[^'\"\\]+",
  re.IGNORECASE,
)
# What is one by its shape: a signed URL, what was narrowed, a JWT.
_SIGNED = re.compile(r"\b((?:market|[0-9a-f]{16})\.[0-9]{1,12}\.)[\w-]{20,}")
_NARROW = re.compile(r"\bn1~[\w.-]{3,60}~[\w~-]{20,}")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{4,}\.[\w-]+\.[\w-]*")


def redact_target(target: str) -> str:
  """A URL or the target of a request without the values of its secret parameters and without user
  and password; what is left says which request it was."""
  parts = re.split(r"([?&#])", target)
  for at in range(2, len(parts), 2):
    name, equals, value = parts[at].partition("=")
    if value and _is_secret(name):
      parts[at] = f"{name}{equals}{HIDDEN}"
  return redact_text("".join(parts))


def redact_text(text: str) -> str:
  """A text without what looks like a token, a key or a header that carries one."""
  text = _USER.sub(rf"\1{HIDDEN}@", text)
  text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
  text = _COOKIE.sub(rf"\1\2{HIDDEN}", text)
  text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
  text = _FIELD.sub(rf"\1{HIDDEN}", text)
  text = _PARAMETER.sub(_without_value, text)
  text = _NARROW.sub(HIDDEN, text)
  text = _SIGNED.sub(rf"\1{HIDDEN}", text)
  return _JWT.sub(HIDDEN, text)


def _without_value(found: re.Match[str]) -> str:
  if not _is_secret(found["name"]):
    return found[0]
  return f"{found['before']}{found['name']}={HIDDEN}"


def _is_secret(name: str) -> bool:
  return unquote_plus(name).strip().lower() in SECRET_PARAMETERS


class Redact(logging.Filter):
  """The second line of defence: removes from each record what should never have been there.

  A logger's filter sees only what is logged to it directly, so this belongs on the handlers.
  """

  def filter(self, record: logging.LogRecord) -> bool:
    """Changes the record itself, so that no other handler sees it as it was."""
    record.msg = redact_text(_message(record))
    record.args = None
    if record.exc_info and record.exc_info[1] is not None:
      # Formatters take exc_text where it is there. The error stays for those who look at its type.
      record.exc_text = redact_text(
        "".join(traceback.format_exception(record.exc_info[1])).rstrip()
      )
    if record.stack_info:
      record.stack_info = redact_text(record.stack_info)
    for name, value in vars(record).items():
      if name not in _STANDARD and isinstance(value, str):
        hidden = HIDDEN if name.lower() in SECRET_PARAMETERS else redact_text(value)
        setattr(record, name, hidden)
    return True


_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message"}


def _message(record: logging.LogRecord) -> str:
  try:
    return record.getMessage()
  except (TypeError, ValueError) as exc:
    # A wrong format string must not hide that there was a message.
    return f"{record.msg} ({exc})"


def guard(logger: logging.Logger) -> None:
  """Puts the filter on every handler of a logger that has none yet."""
  for handler in logger.handlers:
    if not any(isinstance(known, Redact) for known in handler.filters):
      handler.addFilter(Redact())
