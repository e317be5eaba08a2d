"""JSON Web Tokens, with real keys: who is let in, and every known way to cheat."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from bond_jwt.config import Bearer
from bond_server.access.access import SignedTokens, context_of
from bond_server.access.chain import make_chain
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring, mint
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
  Encoding,
  NoEncryption,
  PrivateFormat,
  PublicFormat,
)

from bond_core import (
  AuthError,
  Credentials,
  Duration,
  Expired,
  Registry,
  Secret,
  SystemClock,
)

ISSUER, AUDIENCE = "https://login.example.com/", "bond"
STREAM = "0123456789abcdef"
SHARED = "a shared secret of 64 bytes for every one of the HS algorithms!!"

MAKE = {
  "RS256": lambda: rsa.generate_private_key(65537, 2048),
  "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
  "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def pem(public):
  return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
  """Of each algorithm a private key and the file of its public one."""
  folder = tmp_path_factory.mktemp("keys")
  made = {}
  for name, make in MAKE.items():
    private = make()
    path = folder / f"{name}.pem"
    path.write_bytes(pem(private.public_key()))
    made[name] = private, path
  return made


@pytest.fixture
def ctx():
  return context_of(SignedTokens(SystemClock(), Keyring(b"k" * 32), MemoryGenerations()))


def config_of(keys, algorithm="RS256", **changes):
  given = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": [algorithm]}
  if not {"key", "public_key"} & changes.keys():
    given["public_key"] = keys[algorithm][1]
  return Bearer(**given | changes)


@pytest.fixture
def identify(ctx):
  """A function that identifies the caller of a token by the authenticator of a configuration."""

  async def identify(config, token):
    who = Registry().auth("jwt.bearer").make(config, ctx)
    return await who(Credentials(token=token))

  return identify


def claims(**changes):
  now = int(time.time())
  made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + 600, "streams": [STREAM]}
  return {name: value for name, value in (made | changes).items() if value is not None}


def signed(keys, algorithm="RS256", headers=None, **changes):
  return jwt.encode(claims(**changes), keys[algorithm][0], algorithm, headers=headers)


def by_hand(header, payload, sign=lambda message: b""):
  """A token that PyJWT would not make."""

  def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")

  message = part(json.dumps(header).encode()) + b"." + part(json.dumps(payload).encode())
  return (message + b"." + part(sign(message))).decode()


@pytest.mark.parametrize("algorithm", MAKE)
async def test_a_providers_token_says_who_it_is_what_it_may_and_until_when(
  keys, identify, algorithm
):
  end = int(time.time()) + 600
  who = await identify(config_of(keys, algorithm), signed(keys, algorithm, exp=end))
  assert who.name == f"jwt:{ISSUER}:alice"
  assert who.streams == {STREAM}
  assert who.expires_at == (end + 30) * 1000
  assert who.holds()


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_shared_secret_does_too(keys, identify, monkeypatch, algorithm):
  monkeypatch.setenv("JWT_KEY", SHARED)
  config = config_of(keys, algorithm, key=Secret("JWT_KEY"))
  token = jwt.encode(claims(), SHARED, algorithm)
  assert (await identify(config, token)).name.endswith(":alice")
  with pytest.raises(AuthError, match="signed with another key"):
    await identify(config, jwt.encode(claims(), SHARED[::-1], algorithm))


@pytest.mark.parametrize(
  ("streams", "readable"),
  [([STREAM, "market"], {STREAM, "market"}), (["market"], {"market"}), ("*", None)],
)
async def test_the_claim_streams_says_what_may_be_read(keys, identify, streams, readable):
  assert (await identify(config_of(keys), signed(keys, streams=streams))).streams == readable


@pytest.mark.parametrize("streams", [None, [], "", STREAM, {"a": 1}, [1], ["market", None], True])
async def test_without_a_list_of_streams_nothing_may_be_read(keys, identify, streams):
  with pytest.raises(AuthError, match="it needs a claim streams, a list of stream ids") as error:
    await identify(config_of(keys), signed(keys, streams=streams))
  assert error.value.code == 4500


@pytest.mark.parametrize(
  ("changes", "reason"),
  [
    ({"iss": "https://evil.example/"}, "an issuer that this server does not know"),
    ({"iss": None}, "lacks one of the claims"),
    ({"iss": [ISSUER]}, "an issuer that this server does not know"),
    ({"aud": "another-service"}, "made for another service"),
    ({"aud": None}, "lacks one of the claims"),
    ({"aud": [5]}, "made for another service"),
    ({"sub": None}, "lacks one of the claims"),
    ({"sub": ""}, "claim sub is not a name"),
    ({"sub": "a\nb"}, "claim sub is not a name"),
    ({"sub": "x" * 129}, "claim sub is not a name"),
    ({"sub": 5}, "is not valid"),
    ({"exp": None}, "lacks one of the claims"),
    ({"exp": "soon"}, "is not valid"),
    ({"exp": {}}, "is not valid"),
    ({"nbf": 10**11}, "is not valid yet"),
    ({"iat": 10**11}, "is not valid yet"),
  ],
)
async def test_wrong_and_missing_claims_are_refused_with_the_reason(
  keys, identify, changes, reason
):
  token = by_hand_signed(keys, claims(**changes))
  with pytest.raises(AuthError, match=reason) as error:
    await identify(config_of(keys), token)
  assert error.value.code == 4500


def by_hand_signed(keys, payload, header=None):
  """Signed as it should be, whatever the claims are: PyJWT refuses to encode some."""
  algorithm = jwt.get_algorithm_by_name("RS256")
  return by_hand(
    header or {"alg": "RS256", "typ": "JWT"},
    payload,
    lambda message: algorithm.sign(message, keys["RS256"][0]),
  )


async def test_one_of_several_audiences_is_enough(keys, identify):
  assert await identify(config_of(keys), signed(keys, aud=["x", AUDIENCE]))


async def test_a_token_that_is_over_is_expired_and_the_leeway_counts(keys, identify):
  now = int(time.time())
  with pytest.raises(Expired) as error:
    await identify(config_of(keys), signed(keys, exp=now - 60))
  assert error.value.code == 4005
  who = await identify(config_of(keys), signed(keys, exp=now - 10))
  assert who.expires_at > time.time() * 1000
  with pytest.raises(Expired):
    await identify(config_of(keys, leeway=Duration(0.0)), signed(keys, exp=now - 10))


async def test_a_token_far_in_the_future_is_a_number_like_any_other(keys, identify):
  who = await identify(config_of(keys), signed(keys, exp=10**400))
  assert who.expires_at > 10**400


@pytest.mark.parametrize(
  "alg", ["none", "None", "NONE", "nOnE", "", None, 5, "HS256", "RS512", "x"]
)
async def test_the_token_does_not_choose_the_algorithm(keys, identify, alg):
  public = keys["RS256"][1].read_bytes()

  def forge(message):
    return hmac.digest(public, message, hashlib.sha256) if alg == "HS256" else b""

  for sign in (lambda message: b"", forge):
    with pytest.raises(AuthError) as error:
      await identify(config_of(keys), by_hand({"alg": alg, "typ": "JWT"}, claims(), sign))
    assert error.value.code == 4500


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(keys, identify):
  """The classic confusion of algorithms: any caller who knows the public key would be in."""
  public = keys["RS256"][1].read_bytes()
  for key in (public, public.strip(), public.replace(b"\n", b"\r\n")):
    token = by_hand({"alg": "HS256"}, claims(), lambda m, k=key: hmac.digest(k, m, "sha256"))
    with pytest.raises(AuthError, match="algorithm that is not accepted"):
      await identify(config_of(keys), token)


async def test_a_key_that_the_token_brings_itself_is_not_used(keys, identify):
  mine = rsa.generate_private_key(65537, 2048)
  jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(mine.public_key()))
  headers = {
    "jwk": jwk,
    "jku": "https://evil.example/",
    "x5u": "https://evil.example/",
    "kid": "../x",
  }
  with pytest.raises(AuthError, match="signed with another key"):
    await identify(config_of(keys), jwt.encode(claims(), mine, "RS256", headers=headers))


async def test_a_header_that_must_be_understood_and_is_not_is_refused(keys, identify):
  token = by_hand_signed(keys, claims(), {"alg": "RS256", "crit": ["exp"], "exp": 1})
  with pytest.raises(AuthError):
    await identify(config_of(keys), token)


async def test_an_algorithm_beside_the_list_is_refused_even_with_the_right_key(keys, identify):
  token = jwt.encode(claims(), keys["RS256"][0], "RS512")
  with pytest.raises(AuthError, match="algorithm that is not accepted"):
    await identify(config_of(keys), token)


async def test_no_change_of_one_character_is_accepted(keys, ctx):
  who = Registry().auth("jwt.bearer").make(config_of(keys, "EdDSA"), ctx)
  token = signed(keys, "EdDSA")
  assert await who(Credentials(token=token))
  for at in range(len(token)):
    for char in "A.9!":
      changed = token[:at] + char + token[at + 1 :]
      if same_bytes(changed, token):
        continue
      try:
        assert await who(Credentials(token=changed)) is None
      except AuthError:
        pass


def same_bytes(one, other):
  """Base64 has several texts for the same bytes, and a JWT is its bytes: RFC 7515 does not ask for
  the canonical one."""
  try:
    parts = [[base64.urlsafe_b64decode(p + "===") for p in t.split(".")] for t in (one, other)]
  except ValueError:
    return False
  return parts[0] == parts[1]


@pytest.mark.parametrize("header", [b"[" * 6000, b'{"a":' * 1200, b"{}", b"\xff", b"5"])
async def test_a_monstrous_header_is_an_ordinary_refusal(keys, identify, header):
  token = base64.urlsafe_b64encode(b'{"' + header).rstrip(b"=").decode() + ".e30.x"
  with pytest.raises(AuthError, match="is not valid"):
    await identify(config_of(keys), token)


@pytest.mark.parametrize(
  "header", ['{ "alg":"RS256"}', '{\n"alg":"RS256"}', '{"typ":"","alg":"RS256"}']
)
async def test_a_header_may_be_written_with_spaces(keys, identify, header):
  def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")

  message = part(header.encode()) + b"." + part(json.dumps(claims()).encode())
  signature = jwt.get_algorithm_by_name("RS256").sign(message, keys["RS256"][0])
  assert await identify(config_of(keys), (message + b"." + part(signature)).decode())


@pytest.mark.parametrize("token", [None, "", "market.1.x", "a-plain-api-key", "eyJ", "eyJ.eyJ"])
async def test_what_is_no_jwt_is_left_to_others(keys, identify, token):
  assert await identify(config_of(keys), token) is None


async def test_no_error_repeats_anything_of_a_token(keys, identify):
  reason = []
  for token in (
    signed(keys, iss="canary"),
    signed(keys, aud="canary"),
    signed(keys, streams="canary"),
    signed(keys, sub="canary" * 30),
    signed(keys, exp=1),
    signed(keys)[:-9] + "AAAAAAAAA",
    by_hand({"alg": "canary"}, claims()),
  ):
    with pytest.raises(AuthError) as error:
      await identify(config_of(keys), token)
    reason.append(f"{error.value!r} {error.value.__cause__!r}")
    assert token.split(".")[1] not in reason[-1]
  assert "canary" not in "".join(reason)


async def test_it_works_beside_signed_urls_and_keys(keys, ctx, monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", "bob:bobs-key-0123456789")
  entry = {
    "use": "jwt.bearer",
    "with": {
      "issuer": ISSUER,
      "audience": AUDIENCE,
      "algorithms": ["RS256"],
      "public_key": str(keys["RS256"][1]),
    },
  }
  chain = make_chain([entry, "core.keys", "core.tokens"], Registry(), ctx)
  url = mint(
    STREAM, int(time.time()) + 60, keyring=ctx.tokens.keyring, generations=ctx.tokens.generations
  )
  now = round(time.time() * 1000)
  names = [
    (await chain.admit(Credentials(**shown), STREAM, now_ms=now)).name
    for shown in ({"token": signed(keys)}, {"key": "bobs-key-0123456789"}, {"token": url})
  ]
  assert names == [f"jwt:{ISSUER}:alice", "key:bob", f"stream:{STREAM}"]
  with pytest.raises(AuthError, match="not for the market feed"):
    await chain.admit(Credentials(token=signed(keys)), "market", now_ms=now)


@pytest.mark.parametrize(
  ("changes", "reason"),
  [
    ({"algorithms": []}, "algorithms is empty"),
    ({"algorithms": ["none"]}, "none does not go with public_key"),
    ({"algorithms": ["RS256", "HS256"]}, "HS256 does not go with public_key"),
    ({"key": Secret("X"), "algorithms": ["RS256"]}, "RS256 does not go with key"),
    ({"key": Secret("X"), "public_key": "x"}, "either public_key .* or key"),
    ({"key": None, "public_key": None}, "either public_key .* or key"),
    ({"issuer": " "}, "issuer is empty"),
    ({"audience": ""}, "audience is empty"),
    ({"leeway": Duration(3600.0)}, "keeps tokens valid for too long"),
  ],
)
def test_a_configuration_that_opens_a_hole_is_refused(keys, changes, reason):
  with pytest.raises(ValueError, match=reason):
    config_of(keys, **changes)


async def test_keys_that_do_not_do_are_refused_at_start(keys, identify, tmp_path, monkeypatch):
  weak = tmp_path / "weak.pem"
  weak.write_bytes(pem(rsa.generate_private_key(65537, 1024).public_key()))
  private = tmp_path / "private.pem"
  private.write_bytes(
    keys["RS256"][0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
  )
  curve = tmp_path / "curve.pem"
  curve.write_bytes(pem(ec.generate_private_key(ec.SECP384R1()).public_key()))
  monkeypatch.setenv("SHORT", "only-20-bytes-long!!")
  monkeypatch.setenv("DULL", "a" * 64)
  monkeypatch.setenv("PEM", keys["RS256"][1].read_text())
  for config, reason in (
    (config_of(keys, public_key=weak), "too short for RS256"),
    (config_of(keys, public_key=private), "a private key does not belong on this server"),
    (config_of(keys, public_key=tmp_path / "none.pem"), "cannot read public_key"),
    (config_of(keys, public_key=keys["ES256"][1]), "is not one for RS256"),
    (config_of(keys, "ES256", public_key=curve), "is not one for ES256"),
    (config_of(keys, "HS256", key=Secret("SHORT")), "too short for HS256"),
    (config_of(keys, "HS256", key=Secret("DULL")), "can be guessed"),
    (config_of(keys, "HS256", key=Secret("PEM")), "is not one for HS256"),
    (config_of(keys, "HS256", key=Secret("NOT_SET_ANYWHERE")), "is not in the environment"),
  ):
    with pytest.raises(AuthError, match=reason) as error:
      await identify(config, None)
    assert "only-20" not in str(error.value)
