"""The authenticator: verifies a token with PyJWT and reads who it is about.

Rules: RFC 8725 (best practices for JWTs): algorithms are the operator's choice and never the
token's (3.1), a key serves one kind of algorithm, issuer, subject and audience are checked
(3.8, 3.9).
"""

import re
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import get_default_algorithms

from bond_core import Authenticator, AuthError, Credentials, Expired, Principal, Secret
from bond_jwt.config import Bearer

MIN_CHARACTERS: Final = 8
MAX_SUBJECT: Final = 128

# A header is JSON: a brace, then a quote, a space or a line break. Its base64url begins with ey or
# ew, as no signed URL does.
_TOKEN = re.compile(r"e[wy][A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

_REQUIRED = ["exp", "iss", "aud", "sub"]

# In this order: an error has the sentence of the first class that it is an instance of.
_SENTENCES: dict[type[Exception], str] = {
  jwt.InvalidAudienceError: "this token was made for another service; request one for this server",
  jwt.InvalidIssuerError: "this token comes from an issuer that this server does not know",
  jwt.MissingRequiredClaimError: "this token lacks one of the claims exp, iss, aud, sub",
  jwt.ImmatureSignatureError: "this token is not valid yet; set the clocks of both machines",
  jwt.InvalidAlgorithmError: "this token is signed with an algorithm that is not accepted here",
}


def bearer(config: Bearer) -> Authenticator:
  """An authenticator for one provider's tokens. Raises AuthError where its key cannot be used."""
  key = _key(config)
  reader = jwt.PyJWT(options={"require": _REQUIRED, "enforce_minimum_key_length": True})
  leeway = float(config.leeway)

  async def who(credentials: Credentials) -> Principal | None:
    token = credentials.token
    if token is None or not _TOKEN.fullmatch(token):
      return None
    try:
      claims = reader.decode(
        token,
        key,
        algorithms=list(config.algorithms),
        audience=config.audience,
        issuer=config.issuer,
        leeway=leeway,
      )
    except jwt.ExpiredSignatureError:
      raise Expired("this token has expired; request a new one and connect again") from None
    except (jwt.PyJWTError, RecursionError, TypeError) as exc:
      # A header may be nested as deep as its length allows; PyJWT before 2.15 lets through what
      # int() says of an exp that is no number.
      raise AuthError(_sentence(exc)) from None
    return _principal(claims, config)

  return who


def _principal(claims: dict[str, Any], config: Bearer) -> Principal:
  subject = claims["sub"]
  if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
    raise AuthError(f"this token's claim sub is not a name of 1 to {MAX_SUBJECT} characters")
  return Principal(
    # A subject is unique within its issuer only (RFC 7519, 4.1.2).
    f"jwt:{config.issuer}:{subject}",
    streams=_streams(claims.get("streams")),
    # What was accepted with the leeway is not thrown out again at once.
    expires_at=int(claims["exp"]) * 1000 + round(config.leeway * 1000),
  )


def _streams(claim: object) -> frozenset[str] | None:
  """What the claim `streams` allows: a list of ids, or "*" for everything. A token without it may
  read nothing: a provider's ordinary tokens were not made to open this server."""
  if claim == "*":
    return None
  if isinstance(claim, list) and claim and all(isinstance(stream, str) for stream in claim):
    return frozenset(claim)
  raise AuthError(
    'this token allows no stream; it needs a claim streams, a list of stream ids, "market" for the '
    'market feed, or "*" for everything'
  )


def _key(config: Bearer) -> Any:
  """The key, ready to verify with: only public, and long enough for each algorithm."""
  key = _secret(config.key) if config.key is not None else _public(config.public_key)
  for name in config.algorithms:
    algorithm = get_default_algorithms()[name]
    try:
      weak = algorithm.check_key_length(algorithm.prepare_key(key))
    except (jwt.PyJWTError, ValueError, TypeError):
      place = config.public_key or config.key
      raise AuthError(f"the key of jwt.bearer ({place}) is not one for {name}") from None
    if weak:
      raise AuthError(f"the key of jwt.bearer is too short for {name}: {weak}")
  return key


def _secret(reference: Secret) -> bytes:
  secret = reference.reveal().encode()
  if len(set(secret)) < MIN_CHARACTERS:
    raise AuthError("the secret of jwt.bearer repeats a few characters and can be guessed")
  return secret


def _public(path: Path | None) -> PublicKeyTypes:
  if path is None:
    raise AuthError("jwt.bearer needs public_key or key")
  try:
    text = path.read_bytes()
  except OSError as exc:
    raise AuthError(f"cannot read public_key {path}: {exc.strerror}") from None
  try:
    return load_pem_public_key(text)
  except (ValueError, UnsupportedAlgorithm):
    raise AuthError(
      f"{path} holds no public key as PEM; it begins with -----BEGIN PUBLIC KEY-----, and a "
      "private key does not belong on this server"
    ) from None


def _sentence(exc: Exception) -> str:
  """What is wrong, without a word of the token."""
  for kind, sentence in _SENTENCES.items():
    if isinstance(exc, kind):
      return sentence
  return "this token is not valid: it was changed, or signed with another key; request a new one"
