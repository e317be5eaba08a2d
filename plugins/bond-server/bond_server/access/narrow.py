"""Narrow tokens: what the holder of a token or key makes for another, who may do less.

`n1~{base}~{claims}~…~{signature}`. The base is that of the token without its signature
(`market.1760003600`), or `key`. Each part of claims is the unpadded base64url of a JSON object with
any of `streams`, `symbols`, `exchanges`, `channels` (lists) and `exp` (epoch seconds), of which all
hold. The signature is made without the server: HMAC-SHA256 with the signature before it as key,
over `n1.{base}.{claims}`, as unpadded base64url. The first key is the signature of the token, or
the HMAC-SHA256 of `bond-narrow-v1` with the API key. So whoever holds a narrow token can narrow it
further, and nobody can take a restriction off.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from bond_core import AuthError, Bounds, Expired, Principal, parse_symbol
from bond_server.access.tokens import MARKET, is_token

PREFIX: Final = "n1~"
KEY: Final = "key"
"""The base of what an API key was narrowed to."""
MAX_CHARACTERS: Final = 4096
MAX_PARTS: Final = 8
MAX_NAMES: Final = 200

_LABEL: Final = b"bond-narrow-v1"
_PART = r"[A-Za-z0-9_-]{4,2000}"
_NARROW = re.compile(
  r"n1~(?P<base>key|(?P<stream>market|[0-9a-f]{16})\.(?P<expiry>[1-9][0-9]{0,10})"
  r"(?:\.(?P<holder>[A-Za-z0-9_-]{16}))?)"
  rf"~(?P<parts>{_PART}(?:~{_PART})*)~(?P<signature>[A-Za-z0-9_-]{{43}})"
)
_MARKETS: Final = ("symbols", "exchanges", "channels")
_LISTS: Final = ("streams", *_MARKETS)
_WRONG: Final = "this narrow token is not valid; request a new one and use it unchanged"


@attrs.frozen
class Narrow:
  """A narrow token taken apart, of which nothing was checked. `parts` are claims as they stand."""

  base: str
  stream: str
  expiry: int
  holder: str
  parts: tuple[str, ...]
  signature: str

  def signed_by(self, first: str) -> bool:
    """Whether its signature follows from the base's."""
    return hmac.compare_digest(chained(first, self.base, self.parts), self.signature)


def is_narrow(text: str) -> bool:
  """Whether a text has the shape of a narrow token."""
  return text.startswith(PREFIX)


def take_apart(token: str) -> Narrow:
  """The parts of a narrow token. Raises AuthError, which repeats none of it."""
  found = _NARROW.fullmatch(token) if len(token) <= MAX_CHARACTERS else None
  parts = () if found is None else tuple(found["parts"].split("~"))
  if found is None or len(parts) > MAX_PARTS:
    raise AuthError(_WRONG)
  base, stream, holder = found["base"], found["stream"] or "", found["holder"] or ""
  return Narrow(base, stream, int(found["expiry"] or 0), holder, parts, found["signature"])


def chained(first: str, base: str, parts: Sequence[str]) -> str:
  """The signature of these claims, one after the other."""
  signature = first
  for part in parts:
    digest = hmac.digest(signature.encode(), f"n1.{base}.{part}".encode(), "sha256")
    signature = urlsafe_b64encode(digest).rstrip(b"=").decode()
  return signature


def key_signature(key: str) -> str:
  """What stands for an API key where it is narrowed: the key does not follow from it."""
  digest = hmac.digest(key.encode(), _LABEL, "sha256")
  return urlsafe_b64encode(digest).rstrip(b"=").decode()


def narrow(parent: str, claims: Mapping[str, Any]) -> str:
  """A token that may do less than `parent`, a token, a narrow token or an API key. Raises
  ValueError for claims that say nothing, or what is no claim."""
  _checked(claims)
  part = urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
  if is_narrow(parent):
    found = take_apart(parent)
    base, parts, signature = found.base, found.parts, found.signature
  elif is_token(parent):
    front, signature = parent[:-43], parent[-43:]
    base, parts = front.rstrip("."), ()
  else:
    base, parts, signature = KEY, (), key_signature(parent)
  if len(parts) >= MAX_PARTS:
    raise ValueError(f"this token was narrowed {MAX_PARTS} times already")
  made = "~".join((f"{PREFIX}{base}", *parts, part, chained(signature, base, (part,))))
  if len(made) > MAX_CHARACTERS:
    raise ValueError(f"these claims are too long; a narrow token has up to {MAX_CHARACTERS}")
  return made


def narrowed(parent: Principal, token: Narrow, now_ms: int) -> Principal:
  """Who shows a narrow token whose signature was checked: `parent` made it. Raises AuthError where
  its claims cannot be read, Expired where its time is over."""
  streams, expires = parent.streams, parent.expires_at
  market, bounded = parent.may_read(MARKET), False
  named: frozenset[str] | None = None
  limits: dict[str, frozenset[str] | None] = dict.fromkeys(_MARKETS)
  for part in token.parts:
    try:
      padding = "=" * (-len(part) % 4)
      claims = _checked(msgspec.json.decode(urlsafe_b64decode(part + padding)))
    except (ValueError, RecursionError):
      raise AuthError(_WRONG) from None
    for name in _MARKETS:
      if name in claims:
        given, known = frozenset(claims[name]), limits[name]
        limits[name] = given if known is None else given & known
        bounded = True
    if "streams" in claims:
      given = frozenset(claims["streams"])
      named = given if named is None else given & named
      streams = given if streams is None else given & streams
      market = market and MARKET in given
    if bounded:
      # What a stream has is not of these markets alone, so only those may be read that were named
      # by now: what is named later takes nothing off.
      streams = (named or frozenset()) if streams is None else streams & (named or frozenset())
    if "exp" in claims:
      until = claims["exp"] * 1000
      expires = until if expires is None else min(expires, until)
  if expires is not None and now_ms >= expires:
    raise Expired("this narrow token has expired; request a new one")
  bounds = None
  if bounded and streams is not None:
    streams -= {MARKET}
    bounds = Bounds(**limits) if market else None
  return attrs.evolve(parent, streams=streams, expires_at=expires, bounds=bounds, reads_only=True)


def _checked(claims: Any) -> dict[str, Any]:
  """The same claims. Raises ValueError for what is none."""
  if not isinstance(claims, dict) or not claims:
    raise ValueError("a narrow token needs a claim: streams, symbols, exchanges, channels or exp")
  for name, value in claims.items():
    if name in _LISTS:
      texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
      if not texts or not 0 < len(value) <= MAX_NAMES:
        raise ValueError(f"{name} is a list of up to {MAX_NAMES} names")
    elif name != "exp" or type(value) is not int or not 0 < value < 10**11:
      raise ValueError("a claim is streams, symbols, exchanges, channels, or exp in epoch seconds")
  return claims


def symbol_of(text: str) -> str:
  """A symbol as narrow tokens name it: BTC/USDT, BTC/USDT:USDT. Raises ValueError."""
  return str(parse_symbol(text))
