"""What a spec says to ws.custom: where to connect, what to send, how to read messages."""

import os
import re
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from bond_core import BondError, Duration, MarketType, Secret, Size
from bond_core.config import Allowance, check_url, load_function, read_allowance
from bond_ws.decoding import Form
from bond_ws.matching import check_match
from bond_ws.paths import parse_path
from bond_ws.rules import Rule
from bond_ws.templates import secret_names

MAX_RULES = 32
MAX_MESSAGES = 100
MAX_SENT_BYTES = 64 * 1024
MAX_MESSAGE = 16 * 1024 * 1024
PUBLIC = {"public": True}
"""Of keys that specs from outside may set: an URL leads to public addresses only."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\t\x20-\x7e]{0,4096}")
# What the handshake itself says, and what would change how it is read.
_OWN_HEADERS = frozenset(
  ("host", "connection", "upgrade", "content-length", "transfer-encoding", "te", "trailer")
)


def allowance() -> Allowance:
  """What this machine's operator lets URLs reach besides public addresses (BOND_WS_ALLOW: hosts,
  with or without :PORT), and what not (BOND_WS_DENY: networks)."""
  return read_allowance(os.environ.get("BOND_WS_ALLOW", ""), os.environ.get("BOND_WS_DENY", ""))


def as_text(message: Any) -> bytes:
  """A message as it is sent: a text as it stands, anything else as JSON."""
  return message.encode() if isinstance(message, str) else msgspec.json.encode(message)


def _check_message(instance: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
  if not isinstance(value, str | dict | list):
    raise ValueError("a message is a text, or an object or a list that is sent as JSON")
  if len(as_text(value)) > MAX_SENT_BYTES:
    raise ValueError(f"a message to send is longer than {MAX_SENT_BYTES // 1024} KiB")


@attrs.frozen(kw_only=True)
class Heartbeat:
  """What keeps a connection alive: every so often a ping, or the message `send`. With `answer` (a
  text, or conditions as in `where`) the venue must answer it within 10 s."""

  every: Duration
  send: Any = None
  answer: str | dict[str, Any] | None = None

  def __attrs_post_init__(self) -> None:
    if not 1 <= self.every <= 3600:
      raise ValueError(f"a heartbeat every {self.every} is out of range; write 1s to 1h")
    if self.send is not None:
      _check_message(self, attrs.fields(Heartbeat).send, self.send)
    if self.answer is not None:
      check_match(self.answer)
      if self.send is None:
        raise ValueError("a ping of the protocol itself is answered by itself; leave answer out")


@attrs.frozen(kw_only=True)
class Reply:
  """What is sent when a message comes that fits `when`: a text, or conditions as in `where`.
  "${PATH}" in `send` stands for what the message holds there. Without `send` nothing is: the
  message is no data, such as a greeting."""

  when: str | dict[str, Any]
  send: Any = None

  def __attrs_post_init__(self) -> None:
    check_match(self.when)
    if self.send is not None:
      _check_message(self, attrs.fields(Reply).send, self.send)


@attrs.frozen(kw_only=True)
class Failure:
  """Messages with which the venue refuses a request. Reading ends with the reason at the path
  `text`; where the path `symbol` leads to the name of one of several, that one alone is refused."""

  when: str | dict[str, Any]
  text: str = ""
  symbol: str = ""

  def __attrs_post_init__(self) -> None:
    check_match(self.when)
    parse_path(self.text)
    parse_path(self.symbol)


@attrs.frozen(kw_only=True)
class Channels:
  """Messages that fit `opened` open a channel, which has a number or a name at the path `id` in
  them and at the path `of` in each message of the channel. There @.PATH is what the message that
  opened it says."""

  opened: dict[str, Any]
  id: str
  of: str

  def __attrs_post_init__(self) -> None:
    check_match(self.opened)
    parse_path(self.id)
    parse_path(self.of)


@attrs.frozen(kw_only=True)
class Custom:
  """A websocket at `url`, the messages to `send` once it is open, and the rules that `map` its
  messages to events. Headers and query may hold secrets.

  "${secret:NAME}" in a message to send is the secret of that name in `secrets`. `channels` says how
  messages are told apart that name only the number of a channel. `sequence` is the path of a number
  that grows by one from message to message of a connection.

  The events' exchange is ws-NAME. `silence` is how long the venue is never silent while it works.
  `decode` is what messages are: JSON, compressed JSON (gzip, zlib or deflate, each message by
  itself), msgpack, cbor, text, or bytes as they come. `function` (package.module:function) makes
  events instead of rules. `exchange` names the venue in full, and `private` allows addresses that
  are not public. What Heartbeat, Reply, Failure, Channels and Rule hold, and examples of venues,
  is in the README of bond-ws. `quotes` are the quote currencies that names in one word end with
  (USD: DOTUSD is DOT/USD); without them such a name stays as it is, unless it ends in USDT or USDC.
  """

  url: str = attrs.field(metadata=PUBLIC)
  name: str = attrs.field(default="custom", metadata=PUBLIC)
  headers: dict[str, str | Secret] = attrs.field(factory=dict, metadata=PUBLIC)
  query: dict[str, str | Secret] = attrs.field(factory=dict, metadata=PUBLIC)
  subprotocols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  send: list[Any] = attrs.field(factory=list, metadata=PUBLIC)
  heartbeat: Heartbeat | None = attrs.field(default=None, metadata=PUBLIC)
  replies: list[Reply] = attrs.field(factory=list, metadata=PUBLIC)
  failures: list[Failure] = attrs.field(factory=list, metadata=PUBLIC)
  channels: Channels | None = attrs.field(default=None, metadata=PUBLIC)
  sequence: str = attrs.field(default="", metadata=PUBLIC)
  secrets: dict[str, Secret] = attrs.field(factory=dict, metadata={"public": False})
  silence: Duration | None = None
  max_message: Size = Size(4 * 1024 * 1024)
  decode: Form = "json"
  symbols: dict[str, str] = attrs.field(factory=dict, metadata=PUBLIC)
  quotes: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  market_type: MarketType | None = None
  map: list[Rule] = attrs.field(factory=list, metadata=PUBLIC)
  function: str = attrs.field(default="", metadata={"public": False})
  exchange: str = attrs.field(default="", metadata={"public": False})
  private: bool = attrs.field(default=False, metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    self._check_url()
    for name in (self.name, self.exchange or self.name):
      if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name; write up to 32 small letters, digits, - and _")
    self._check_headers()
    if len(self.send) > MAX_MESSAGES:
      raise ValueError(f"{len(self.send)} messages to send are more than {MAX_MESSAGES}")
    for message in self.send:
      _check_message(self, attrs.fields(Custom).send, message)
    self._check_secrets()
    parse_path(self.sequence)
    if not 1024 <= self.max_message <= MAX_MESSAGE:
      raise ValueError(f"max_message is {self.max_message}; write 1KiB to 16MiB")
    if self.silence is not None and not 1 <= self.silence <= 3600:
      raise ValueError(f"a silence of {self.silence} is out of range; write 1s to 1h")
    for quote in self.quotes:
      if not quote.isalnum() or quote != quote.upper():
        raise ValueError(f"{quote!r} is no quote currency; write capital letters such as USD")
    for field in ("map", "replies", "failures", "subprotocols", "quotes"):
      if (count := len(getattr(self, field))) > MAX_RULES:
        raise ValueError(f"{count} entries of {field} are more than {MAX_RULES}")
    if bool(self.map) == bool(self.function):
      raise ValueError("say how messages are read: with rules in map, or with a function")
    if self.decode == "bytes" and self.map:
      raise ValueError("bytes are read by a function; rules read what decode makes of them")

  def missing(self) -> str | None:
    """Why there is no such function here; None where there is one, or none is named."""
    try:
      if self.function:
        load_function(self.function, "ws.custom")
    except BondError as exc:
      return str(exc)
    return None

  def _check_url(self) -> None:
    if not self.private:
      try:
        check_url(self.url, allowance())
      except ValueError as exc:
        raise ValueError(
          f"{exc}; a spec of this machine's own user may say private: true, and its operator may "
          "name the host in BOND_WS_ALLOW"
        ) from None
      return
    url = urlsplit(self.url)
    if url.scheme not in ("ws", "wss") or not url.hostname or url.username or url.fragment:
      raise ValueError("the URL is not one of a websocket; write ws://HOST/PATH or wss://HOST/PATH")

  def _check_secrets(self) -> None:
    beat = self.heartbeat
    templates = [*self.send, *(reply.send for reply in self.replies), beat and beat.send]
    for name in secret_names(templates):
      if name not in self.secrets:
        raise ValueError(
          f"there is no {name!r} in secrets for ${{secret:{name}}}; "
          f"write secrets: {{{name}: {{secret: VARIABLE}}}}"
        )

  def _check_headers(self) -> None:
    for name, value in self.headers.items():
      low = name.lower()
      if not _HEADER.fullmatch(name) or low in _OWN_HEADERS or low.startswith("sec-websocket-"):
        raise ValueError(f"the header {name[:64]!r} cannot be set here; leave it out")
      if isinstance(value, str) and not _VALUE.fullmatch(value):
        raise ValueError(f"the header {name} has characters that headers do not have")

  @property
  def venue(self) -> str:
    """The exchange of the events. A spec from outside cannot take another venue's name."""
    return self.exchange or f"ws-{self.name}"
