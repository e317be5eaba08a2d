"""The values that specs write in their own way: durations, sizes and references to secrets."""

import os
import re
from pathlib import Path
from typing import Final

from bond_core._errors import SecretMissing

MAX_DURATION: Final = 366 * 86400.0
MAX_SIZE: Final = 1 << 50
MAX_SECRET_BYTES: Final = 64 * 1024

_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_BYTES = {"b": 1, **{f"{p}b": 1000**n for n, p in enumerate("kmgt", 1)}}
_BYTES |= {f"{p}ib": 1024**n for n, p in enumerate("kmgt", 1)}
# Ten digits before the point hold every value below the bounds but bytes; 16 hold those.
_AMOUNT = re.compile(r"(?P<number>[0-9]{1,16}(\.[0-9]{1,9})?)\s?(?P<unit>[A-Za-z]*)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class InvalidValue(ValueError):
  """A value that does not fit; its text says so. A validator that raises it with `hides` keeps a
  value that may be a secret out of the excerpt."""

  def __init__(self, message: str, *, hides: bool = False) -> None:
    super().__init__(message)
    self.hides = hides


class Duration(float):
  """A length of time in seconds; specs write 5s, 250ms, 2m, 1h, 1d or a number of seconds."""

  __slots__ = ()

  def __str__(self) -> str:
    """The longest unit that needs no fraction: 90s, 2m, 250ms."""
    ns = round(self * 10**9)
    for unit in ("d", "h", "m", "s", "ms"):
      if ns and ns % _NS[unit] == 0:
        return f"{ns // _NS[unit]}{unit}"
    return f"{float(self):.9f}".rstrip("0").rstrip(".") + "s"


class Size(int):
  """A number of bytes; specs write 64MiB, 1GiB, 500kB or a number."""

  __slots__ = ()

  def __str__(self) -> str:
    """The longest unit that needs no fraction: 64MiB, 500kB, 100B."""
    for unit in ("TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB"):
      if self and self % _BYTES[unit.lower()] == 0:
        return f"{self // _BYTES[unit.lower()]}{unit}"
    return f"{int(self)}B"


class Secret:
  """A reference to a secret in the environment or in a file, never the secret itself.

  `reveal` reads it when it is needed, so it is in no spec, no log and no error; two references to
  one place are equal.
  """

  __slots__ = ("env", "file")

  env: str | None
  file: str | None

  def __init__(self, env: str | None = None, *, file: str | None = None) -> None:
    if (env is None) == (file is None):
      raise ValueError("a secret is in a variable of the environment or in a file: name one")
    if env is not None and not _VARIABLE.fullmatch(env):
      # What stands here may be the secret itself, so it is not repeated.
      raise ValueError("a variable of the environment is named with letters, digits and _ only")
    if file is not None and (not file or "\0" in file):
      raise ValueError("a secret's file needs a path")
    object.__setattr__(self, "env", env)
    object.__setattr__(self, "file", file)

  def reveal(self) -> str:
    """The secret, read now; without the end of line that a file has. Raises SecretMissing, which
    says what is missing and names only the place."""
    if self.env is not None:
      value = os.environ.get(self.env, "")
      if not value:
        raise SecretMissing(
          f"the secret {self.env} is not in the environment; set it with `export {self.env}=…`"
        )
      return value
    path = Path(self.file or "")
    try:
      with path.open("rb") as file:
        data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as exc:
      raise SecretMissing(f"cannot read the secret's file {path}: {exc.strerror}") from None
    if len(data) > MAX_SECRET_BYTES:
      raise SecretMissing(f"the secret's file {path} is longer than 64 KiB; is it the right file?")
    try:
      value = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
      # The codec's own error would carry the bytes.
      raise SecretMissing(f"the secret's file {path} is not UTF-8 text") from None
    if not value:
      raise SecretMissing(f"the secret's file {path} is empty")
    return value

  def reference(self) -> dict[str, str | dict[str, str]]:
    """How a spec writes it."""
    if self.env is not None:
      return {"secret": self.env}
    return {"secret": {"file": self.file or ""}}

  def __setattr__(self, name: str, value: object) -> None:
    raise AttributeError("a Secret cannot be changed")

  def __delattr__(self, name: str) -> None:
    raise AttributeError("a Secret cannot be changed")

  def __eq__(self, other: object) -> bool:
    if not isinstance(other, Secret):
      return NotImplemented
    return (self.env, self.file) == (other.env, other.file)

  def __hash__(self) -> int:
    return hash((self.env, self.file))

  def __repr__(self) -> str:
    return f"Secret({self.env!r})" if self.env is not None else f"Secret(file={self.file!r})"

  def __reduce__(self) -> tuple[object, ...]:
    return _secret, (self.env, self.file)


def _secret(env: str | None, file: str | None) -> Secret:
  return Secret(env, file=file)


def parse_duration(text: str | float) -> Duration:
  """The duration that 5s, 250ms, 2m, 1h, 1d or a number of seconds means, to the nanosecond.

  ValueError says what is wrong in a sentence: no duration, negative, or more than 366 days.
  """
  forms = "write 250ms, 5s, 2m, 1h, 1d or a number of seconds"
  seconds: float
  if isinstance(text, str):
    found = _AMOUNT.fullmatch(text.strip())
    unit = found["unit"] if found else ""
    if found is None or (unit and unit not in _NS):
      raise ValueError(f"{_short(text)} is not a duration; {forms}")
    # One rounding, so that 0.3s, 300ms and 0.005m are equal where they should be.
    seconds = round(float(found["number"]) * _NS[unit or "s"]) / 1e9
  else:
    if not text >= 0:
      raise ValueError(f"{text:g} is not a duration; {forms}")
    seconds = text if text > MAX_DURATION else round(text * 1e9) / 1e9
  if seconds > MAX_DURATION:
    raise ValueError(f"{_short(text)} is longer than 366 days")
  return Duration(seconds)


def parse_size(text: str | int) -> Size:
  """The number of bytes that 64MiB, 1GiB, 500kB or a number means; kB is 1000, KiB is 1024.

  ValueError says what is wrong in a sentence: no size, negative, or more than 1024 TiB.
  """
  forms = "write 500kB, 64MiB, 1GiB or a number of bytes"
  if isinstance(text, str):
    found = _AMOUNT.fullmatch(text.strip())
    unit = found["unit"].lower() if found else ""
    if found is None or (unit and unit not in _BYTES):
      raise ValueError(f"{_short(text)} is not a size; {forms}")
    number, _, fraction = found["number"].partition(".")
    scaled = int(number + fraction) * _BYTES[unit or "b"]
    size, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
      raise ValueError(f"{_short(text)} is not a whole number of bytes")
  else:
    size = text
    if size < 0:
      raise ValueError(f"{_short(text)} is not a size; {forms}")
  if size > MAX_SIZE:
    raise ValueError(f"{_short(text)} is more than 1024TiB")
  return Size(size)


def _short(value: object) -> str:
  text = repr(value)
  return text if len(text) <= 50 else text[:47] + "…'"
