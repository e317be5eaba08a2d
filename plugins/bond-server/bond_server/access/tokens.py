"""Signed URLs: `{stream_id}.{expiry}.{signature}`.

The signature is the unpadded base64url of the whole HMAC-SHA256 over
`v1.{stream_id}.{generation}.{expiry}`. `expiry` is in epoch seconds. The generation is not in the
token: the server knows it, and raises it when a stream is deleted.

Where several callers have a stream, the token of one who joined names its holder: 16 characters
(`holder_of`) stand before the signature, which is over
`v2.{stream_id}.{holder}.{generation}.{expiry}`, and the generation is the holder's at this stream.
So one who leaves takes no other's token along, and keeps none.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from bond_core import AuthError, Expired

if TYPE_CHECKING:
  from bond_server.access.generations import Generations

MARKET: Final = "market"
"""The id that stands for the market log, that is for /stream and /raw. Streams have 16 hex digits,
so none can have it."""

MIN_KEY_BYTES: Final = 32

_STREAM = r"(market|[0-9a-f]{16})"
_ID = re.compile(_STREAM)
# Exactly what `mint` writes: no sign, no leading zero, 43 characters for 32 bytes.
_HOLDER = 16
_TOKEN = re.compile(
  _STREAM + rf"\.([1-9][0-9]{{0,10}})\.([A-Za-z0-9_-]{{{_HOLDER}}})?([A-Za-z0-9_-]{{43}})"
)


class Keyring:
  """The secret keys of signed URLs: one signs, and it and any number of others verify.

  `replace` rotates them while connections stay: those whose token was verified by a key that is
  still in the ring are not touched.
  """

  def __init__(self, signing: bytes, verifying: Iterable[bytes] = ()) -> None:
    self._signing = signing
    self._keys: dict[bytes, bytes] = {}
    self.replace(signing, verifying)

  def replace(self, signing: bytes, verifying: Iterable[bytes] = ()) -> None:
    """Puts other keys in the place of these. Raises ValueError for an empty key, which would sign
    for everybody."""
    keys = (signing, *verifying)
    if not all(keys):
      raise ValueError("a key that signs URLs is empty")
    self._signing = signing
    self._keys = {_fingerprint(key): key for key in keys}

  def adopt(self, other: "Keyring") -> None:
    """Puts another ring's keys in the place of these."""
    self._signing, self._keys = other._signing, other._keys

  def sign(self, message: bytes) -> str:
    """The signature of a message by the signing key."""
    return _signature(self._signing, message)

  def verify(self, message: bytes, signature: str) -> bytes | None:
    """The fingerprint of the key that signed the message so, None where none did. Takes as long
    for a right signature as for a wrong one."""
    found = None
    given = signature.encode()
    for fingerprint, expected in self.signatures(message):
      # Every key is tried: the time must not give away which one it was. The text is compared,
      # not the bytes that it stands for: of the four texts that stand for the same bytes only the
      # canonical one is accepted.
      if hmac.compare_digest(expected.encode(), given):
        found = fingerprint
    return found

  def signatures(self, message: bytes) -> list[tuple[bytes, str]]:
    """The signature of a message by each key, with the key's fingerprint."""
    return [(fingerprint, _signature(key, message)) for fingerprint, key in self._keys.items()]

  def __contains__(self, fingerprint: object) -> bool:
    return fingerprint in self._keys

  def __repr__(self) -> str:
    return f"Keyring({len(self._keys)} keys)"


class Grant(NamedTuple):
  """What a token that was verified allows: to read one stream until `expires_at` (epoch ms), as
  long as the generation and the key are still these. `holder` is "" for one that names none."""

  stream: str
  expires_at: int
  generation: int
  key: bytes
  holder: str = ""

  def holds(self, keyring: Keyring, generations: "Generations") -> bool:
    """Whether neither the stream was deleted nor the key withdrawn since, nor its holder left."""
    counted = counted_as(self.stream, self.holder)
    return generations.current(counted) == self.generation and self.key in keyring


def is_stream_id(text: str) -> bool:
  """Whether a token can be made for this id: 16 hex digits, or `market`."""
  return _ID.fullmatch(text) is not None


def is_token(text: str) -> bool:
  """Whether a text has the shape of a signed token; it may still be a wrong one."""
  return _TOKEN.fullmatch(text) is not None


def holder_of(stream: str, owner: str) -> str:
  """What stands for an owner in its tokens of a stream, where they name it."""
  digest = blake2b(f"{stream}.{owner}".encode(), digest_size=12, person=b"bond holder").digest()
  return urlsafe_b64encode(digest).decode()


def counted_as(stream: str, holder: str) -> str:
  """The name under which generations are counted: a stream's, or a holder's at it."""
  return f"{stream}.{holder}" if holder else stream


def mint(
  stream: str, expiry: int, *, keyring: Keyring, generations: "Generations", holder: str = ""
) -> str:
  """The token that reads a stream until `expiry` (epoch seconds), of a holder where it names
  one."""
  if not is_stream_id(stream):
    raise ValueError(f"{stream[:40]!r} is no stream: an id has 16 hex digits, or is {MARKET!r}")
  if not 0 < expiry < 10**11:
    raise ValueError(f"{expiry} is no time in epoch seconds")
  message = _message(stream, generations.current(counted_as(stream, holder)), expiry, holder)
  return f"{stream}.{expiry}.{holder}{keyring.sign(message)}"


def verify(token: str, *, keyring: Keyring, generations: "Generations", now_ms: int) -> Grant:
  """What a token allows. Raises AuthError where it is not valid, Expired where its time is over;
  neither repeats any of it."""
  found = _TOKEN.fullmatch(token)
  if found is None:
    raise AuthError("this is no token of this server; request a new one and use it unchanged")
  stream, expiry, holder, signature = found[1], int(found[2]), found[3] or "", found[4]
  generation = generations.current(counted_as(stream, holder))
  key = keyring.verify(_message(stream, generation, expiry, holder), signature)
  if key is None:
    raise AuthError(
      "this token is not valid: it was changed, its stream was deleted, or its key was withdrawn; "
      "request a new one"
    )
  if now_ms >= expiry * 1000:
    raise Expired("this token has expired; request a new one and connect again")
  return Grant(stream, expiry * 1000, generation, key, holder)


def message_of(stream: str, holder: str, expiry: int, generations: "Generations") -> bytes:
  """What the signature of a token is over, as long as its generation is the present one."""
  return _message(stream, generations.current(counted_as(stream, holder)), expiry, holder)


def _message(stream: str, generation: int, expiry: int, holder: str) -> bytes:
  if holder:
    return f"v2.{stream}.{holder}.{generation}.{expiry}".encode()
  return f"v1.{stream}.{generation}.{expiry}".encode()


def _signature(key: bytes, message: bytes) -> str:
  return urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode()


def _fingerprint(key: bytes) -> bytes:
  return blake2b(key, digest_size=16, person=b"bond key").digest()
