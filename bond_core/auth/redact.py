"""Takes tokens and keys out of what is about to be logged."""

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
_PARAMETER = re.compile(r"([?&;#\s]|^)([A-Za-z0-9_.%+-]{1,64})=([^&;#\s\"'<>]*)")
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^/?#\s@\"']+@", re.IGNORECASE)
_SCHEME = re.compile(r"\b(bearer|basic)(\s+|%20|\+)[^\s,;\"'&]+", re.IGNORECASE)
_HEADER = re.compile(
  r"\b((?:proxy-)?authorization|x-api-key|cookie)(['\"]?\s*[:=,]\s*b?['\"]?)[^\s'\",][^'\"\r\n]*",
  re.IGNORECASE,
)
_FIELD = re.compile(
  r"(['\"](?:token|access_token|key|api_key|secret|password)\\?['\"]\s*:\s*\\?['\"])[^'\"\\]+",
  re.IGNORECASE,
)
# What is one by its shape: a signed URL's signature, a JWT.
_SIGNED = re.compile(r"\b((?:market|[0-9a-f]{16})\.[0-9]{1,12}\.)[A-Za-z0-9_-]{20,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def redact_target(target: str) -> str:
  """A URL or the target of a request without the values of its secret parameters and without user
  and password; what is left says who asked for what."""
  return redact_text(target)


def redact_text(text: str) -> str:
  """A text without what looks like a token, a key or a header that carries one."""
  text = _USER.sub(rf"\1{HIDDEN}@", text)
  text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
  text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
  text = _FIELD.sub(rf"\1{HIDDEN}", text)
  text = _PARAMETER.sub(_parameter, text)
  text = _SIGNED.sub(rf"\1{HIDDEN}", text)
  return _JWT.sub(HIDDEN, text)


def _parameter(found: re.Match[str]) -> str:
  if unquote_plus(found[2]).strip().lower() not in SECRET_PARAMETERS or not found[3]:
    return found[0]
  return f"{found[1]}{found[2]}={HIDDEN}"


class Redact(logging.Filter):
  """The second line of defence: takes out of each record what should never have got there.

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
    # A wrong format string must not hide that something was to be said.
    return f"{record.msg} ({exc})"


def guard(logger: logging.Logger) -> None:
  """Puts the filter on every handler of a logger that has none yet."""
  for handler in logger.handlers:
    if not any(isinstance(known, Redact) for known in handler.filters):
      handler.addFilter(Redact())
