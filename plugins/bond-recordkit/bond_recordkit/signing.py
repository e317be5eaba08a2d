"""Ed25519 signatures of digests, by the package cryptography where a key is given."""

from pathlib import Path
from typing import Protocol

from bond_recordkit.errors import RecordingError

_PREFIX = b"bond-recording-1\n"
_MISSING = "signatures need the package cryptography; pip install 'bond-recordkit[sign]'"
_MAKE = "`openssl genpkey -algorithm ed25519 -out key.pem` makes one"


class Signer(Protocol):
  """Signs digests; `public_key` (hex) proves its signatures."""

  public_key: str

  def sign(self, digest: bytes) -> bytes:
    """The signature of a digest."""


class _Key:
  def __init__(self, path: Path) -> None:
    try:
      from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
      from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as exc:
      raise RecordingError(_MISSING) from exc
    try:
      key = load_pem_private_key(path.read_bytes(), None)
    except OSError as exc:
      raise RecordingError(f"cannot read the key {path}: {exc.strerror}; {_MAKE}") from exc
    except (ValueError, TypeError) as exc:
      raise RecordingError(f"{path} is no private key without a password; {_MAKE}") from exc
    if not isinstance(key, Ed25519PrivateKey):
      raise RecordingError(f"{path} is no ed25519 key; {_MAKE}")
    self._key = key
    self.public_key = key.public_key().public_bytes_raw().hex()

  def sign(self, digest: bytes) -> bytes:
    return self._key.sign(_PREFIX + digest)


def read_signer(path: Path) -> Signer:
  """The key in a PEM file. Raises RecordingError where there is none."""
  return _Key(path)


def read_public_key(text: str) -> str:
  """A public key as hex, from hex or from a PEM file. Raises RecordingError for anything else."""
  if len(text) == 64 and all(letter in "0123456789abcdef" for letter in text.lower()):
    return text.lower()
  try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
  except ImportError as exc:
    raise RecordingError(_MISSING) from exc
  try:
    key = load_pem_public_key(Path(text).read_bytes())
  except OSError as exc:
    raise RecordingError(
      f"cannot read the key {text}: {exc.strerror}; give 64 hex digits, or a PEM file "
      "(`openssl pkey -in key.pem -pubout` writes one)"
    ) from exc
  except ValueError as exc:
    raise RecordingError(
      f"{text} is no public key in PEM; `openssl pkey -in key.pem -pubout` writes one"
    ) from exc
  if not isinstance(key, Ed25519PublicKey):
    raise RecordingError(f"{text} is no ed25519 key; give the public half of the recorder's")
  return key.public_bytes_raw().hex()


class Prover:
  """Checks signatures of one public key (hex)."""

  def __init__(self, public_key: str) -> None:
    try:
      from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as exc:
      raise RecordingError(_MISSING) from exc
    try:
      self._key: Ed25519PublicKey = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError as exc:
      raise RecordingError(f"the public key {public_key[:70]!r} is none") from exc

  def proves(self, digest: bytes, signature: bytes) -> bool:
    """Whether the key's owner signed this digest."""
    from cryptography.exceptions import InvalidSignature

    try:
      self._key.verify(signature, _PREFIX + digest)
    except InvalidSignature:
      return False
    return True
