"""Where a Redis server is and with which credentials; prints only what is no secret."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

DEFAULT = "redis://localhost:6379"
FORMS = "write redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=DB"


@attrs.frozen(kw_only=True)
class Address:
  """Where a server is: `path` of its Unix socket, or `host` and `port`."""

  host: str = "localhost"
  port: int = 6379
  path: str | None = None
  db: int = 0
  tls: bool = False
  username: str | None = attrs.field(default=None, repr=False)
  password: str | None = attrs.field(default=None, repr=False)

  def __str__(self) -> str:
    """The URL without credentials."""
    db = f"/{self.db}" if self.db else ""
    if self.path is not None:
      return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
    host = f"[{self.host}]" if ":" in self.host else self.host
    return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}{db}"

  def without_secrets(self, text: str) -> str:
    """A text without the password, which servers repeat in some of their errors."""
    return text.replace(self.password, "***") if self.password else text


def parse_address(url: str) -> Address:
  """The address that a URL means. Raises ValueError, which says what is wrong without repeating the
  URL."""
  try:
    parts = urlsplit(url)
    port = parts.port
  except ValueError:
    raise ValueError("its host or port cannot be read") from None
  if parts.scheme not in ("redis", "rediss", "unix"):
    raise ValueError("it begins with none of redis://, rediss:// and unix://")
  options = parse_qs(parts.query, keep_blank_values=True)
  if options.keys() - {"db"} or parts.fragment:
    raise ValueError("the only option that may follow its ? is db")
  db = options["db"][0] if options else ""
  path = unquote(parts.path)
  if parts.scheme == "unix":
    if not path.strip("/") or parts.hostname:
      raise ValueError("after unix:// comes the path of a socket, with three slashes")
  elif not parts.hostname:
    raise ValueError("it names no host")
  elif path.strip("/"):
    db = path.strip("/")
  if db and not (db.isascii() and db.isdigit() and len(db) < 6):
    raise ValueError("its database is no number")
  return Address(
    host=unquote(parts.hostname or "localhost"),
    port=6379 if port is None else port,
    path=path if parts.scheme == "unix" else None,
    db=int(db or 0),
    tls=parts.scheme == "rediss",
    username=unquote(parts.username) if parts.username else None,
    password=unquote(parts.password) if parts.password else None,
  )


def address_of(url: str | None, password: str | None) -> Address:
  """The address of a configuration: its own URL, else REDIS_URL, else the default. Raises
  ValueError, which says what is wrong with REDIS_URL."""
  if url is None:
    url = os.environ.get("REDIS_URL") or DEFAULT
    try:
      address = parse_address(url)
    except ValueError as exc:
      message = f"the variable REDIS_URL is no address of a Redis server: {exc}; {FORMS}"
      raise ValueError(message) from None
  else:
    address = parse_address(url)
  return address if password is None else attrs.evolve(address, password=password)
