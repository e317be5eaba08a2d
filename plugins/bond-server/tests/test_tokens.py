"""Signed URLs: only the very text that was minted is accepted, and only while it should be."""

import hmac
import string
from base64 import urlsafe_b64decode
from unittest.mock import ANY

import pytest
from bond_server.access import tokens
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import (
  MARKET,
  Keyring,
  counted_as,
  holder_of,
  is_stream_id,
  is_token,
  mint,
  verify,
)
from hypothesis import given, strategies as st

from bond_core import AuthError, Expired

STREAM = "0123456789abcdef"
EXPIRY = 2_000_000_000
KEY = b"golden-vector-key-of-32-bytes-000"

# Frozen: made with `openssl dgst -sha256 -hmac`. A change here breaks every token in the world.
GOLDEN = [
  (STREAM, 0, 2_000_000_000, "5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220"),
  (STREAM, 3, 2_000_000_000, "jTiNpwVB8rvrZ9tXXmwuK7lMRkon7nP6cX-QrRkiwcw"),
  (MARKET, 0, 1_767_225_600, "9wXKsMMA03kZkFwlPDvpdLfx8k2ELug-Shq5ff_rHQg"),
]


class At(MemoryGenerations):
  """Every stream at one generation."""

  def __init__(self, generation=0):
    super().__init__()
    self.generation = generation

  def current(self, stream):
    return self.generation


def check(token, keyring=None, *, generation=0, now_s=0):
  ring = keyring or Keyring(KEY)
  return verify(token, keyring=ring, generations=At(generation), now_ms=round(now_s * 1000))


def made(stream=STREAM, expiry=EXPIRY, *, keyring=None, generation=0):
  return mint(stream, expiry, keyring=keyring or Keyring(KEY), generations=At(generation))


@pytest.mark.parametrize(("stream", "generation", "expiry", "signature"), GOLDEN)
def test_golden_vectors(stream, generation, expiry, signature):
  token = f"{stream}.{expiry}.{signature}"
  assert made(stream, expiry, generation=generation) == token
  grant = check(token, generation=generation)
  assert grant[:3] == (stream, expiry * 1000, generation)
  assert len(urlsafe_b64decode(signature + "=")) == 32


# Made in the same way, of what names its holder.
HELD = [
  (0, "rcofnx9YXAiEEPKS5MnIxTT0xugsMvFplIxYMT_IQ10"),
  (2, "dZu3uO4ZEnnhy-gyfXACtXRy_3G5dwfz626qnpU-Vxk"),
]
HOLDER = "-q7Wo0e0Xw9XVv1b"


@pytest.mark.parametrize(("generation", "signature"), HELD)
def test_golden_vectors_of_holders(generation, signature):
  assert holder_of(STREAM, "ann") == HOLDER
  token = f"{STREAM}.{EXPIRY}.{HOLDER}{signature}"
  generations, ring = At(generation), Keyring(KEY)
  assert mint(STREAM, EXPIRY, keyring=ring, generations=generations, holder=HOLDER) == token
  assert check(token, generation=generation) == (STREAM, EXPIRY * 1000, generation, ANY, HOLDER)
  for changed in (
    token.replace(HOLDER, ""),
    token.replace(HOLDER, holder_of(STREAM, "bob")),
    made(generation=generation).replace(f"{EXPIRY}.", f"{EXPIRY}.{HOLDER}"),
  ):
    with pytest.raises(AuthError):
      check(changed, generation=generation)


def test_a_holder_who_leaves_takes_nobody_along():
  generations, ring = MemoryGenerations(), Keyring(KEY)
  holders = ["", holder_of(STREAM, "ann"), holder_of(STREAM, "bob")]
  texts = [mint(STREAM, EXPIRY, keyring=ring, generations=generations, holder=h) for h in holders]
  grants = [verify(t, keyring=ring, generations=generations, now_ms=0) for t in texts]
  for at, holder in enumerate(holders):
    generations.advance(counted_as(STREAM, holder))
    assert [g.holds(ring, generations) for g in grants] == [n > at for n in range(3)]


ALPHABET = string.printable + "\0é․\u0660\u200b" + "\ud800"


@pytest.mark.parametrize("stream", [STREAM, MARKET])
def test_no_change_of_one_character_anywhere_is_accepted(stream):
  token = made(stream)
  tried = 0
  for at in range(len(token) + 1):
    for char in ALPHABET:
      changes = {token[:at] + char + token[at:], token[:at] + char + token[at + 1 :]}
      for changed in changes - {token}:
        with pytest.raises(AuthError):
          check(changed)
        tried += 1
    with pytest.raises(AuthError):
      check(token[:at] + token[at + 1 :] if at < len(token) else token * 2)
  assert tried > 10_000


@pytest.mark.parametrize("last", string.ascii_letters + string.digits + "-_")
def test_of_the_texts_that_decode_to_the_same_signature_only_one_is_accepted(last):
  token = made()
  changed = token[:-1] + last
  same = urlsafe_b64decode(changed[-43:] + "=") == urlsafe_b64decode(token[-43:] + "=")
  if changed == token:
    assert same
    assert check(changed).stream == STREAM
  else:
    with pytest.raises(AuthError):
      check(changed)


def test_there_are_other_texts_that_decode_to_the_same_signature():
  """Or else the test before this one would show nothing."""
  token = made()
  decoded = urlsafe_b64decode(token[-43:] + "=")
  letters = string.ascii_letters + string.digits + "-_"
  same = [c for c in letters if urlsafe_b64decode(token[-43:-1] + c + "=") == decoded]
  assert len(same) == 4


@pytest.mark.parametrize(
  "text",
  [
    "",
    ".",
    "..",
    "market",
    "market.2000000000",
    "market..5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.02000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.-1.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.2e9.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220=",
    "market.2000000000.5j9k/2El+Lgvcd3VriOBOpSbqc6On/zv5bWrU+JE220",
    "market.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220.x",
    "MARKET.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "0123456789ABCDEF.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "0123456789abcde.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "٠123456789abcdef.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.٢000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220",
    "market.2000000000.5j9k_2El_Lgvcd3VriOBOpSbqc6On-zv5bWrU-JE220\n",
    "x" * 1_000_000,
  ],
)
def test_what_has_not_the_shape_of_a_token_is_refused(text):
  assert not is_token(text)
  with pytest.raises(AuthError, match="no token of this server") as error:
    check(text)
  assert error.value.code == 4500


@given(st.text(max_size=80))
def test_no_text_is_a_token_by_chance_and_none_raises_anything_else(text):
  with pytest.raises(AuthError):
    check(text)


@given(
  st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}"),
  st.integers(1, 10**11 - 1),
  st.integers(0, 10**6),
  st.binary(min_size=32, max_size=64),
)
def test_what_was_minted_is_accepted_by_the_same_key_and_generation_only(
  stream, expiry, generation, key
):
  token = made(stream, expiry, keyring=Keyring(key), generation=generation)
  assert is_token(token)
  assert check(token, Keyring(key), generation=generation).expires_at == expiry * 1000
  for keyring, other in ((Keyring(key), generation + 1), (Keyring(key + b"."), generation)):
    with pytest.raises(AuthError):
      check(token, keyring, generation=other)


def test_a_token_holds_until_its_second_and_then_says_that_it_expired():
  token = made(expiry=1000)
  assert check(token, now_s=999.999).expires_at == 1_000_000
  with pytest.raises(Expired, match="has expired; request a new one") as error:
    check(token, now_s=1000)
  assert error.value.code == 4005


def test_a_forged_token_never_says_that_it_expired():
  """A caller who cannot sign does not learn whether an id or a time is right."""
  token = made(expiry=1000)
  forged = token[:-43] + ("A" if token[-43] != "A" else "B") + token[-42:]
  with pytest.raises(AuthError) as error:
    check(forged, now_s=5000)
  assert error.value.code == 4500


def test_a_token_of_one_stream_opens_no_other():
  token = made()
  with pytest.raises(AuthError):
    check(token.replace(STREAM, "0123456789abcdee"))
  with pytest.raises(AuthError):
    check(token.replace(STREAM, MARKET))


@pytest.mark.parametrize("stream", ["", "a.b", "market2", "0123456789ABCDEF", "../x", STREAM + "0"])
def test_no_token_is_made_for_what_is_no_stream(stream):
  assert not is_stream_id(stream)
  with pytest.raises(ValueError, match="is no stream"):
    made(stream)


@pytest.mark.parametrize("expiry", [0, -5, 10**11])
def test_no_token_is_made_for_what_is_no_time(expiry):
  with pytest.raises(ValueError, match="no time in epoch seconds"):
    made(expiry=expiry)


def test_rotation_keeps_what_the_old_key_signed_until_it_is_withdrawn():
  old, new = b"o" * 32, b"n" * 32
  keyring = Keyring(old)
  generations = MemoryGenerations()
  before = made(keyring=keyring)
  grant = check(before, keyring)
  keyring.replace(new, [old])
  after = made(keyring=keyring)
  assert after != before
  assert check(before, keyring)[:3] == check(after, keyring)[:3]
  assert grant.holds(keyring, generations)
  keyring.replace(new)
  assert not grant.holds(keyring, generations)
  assert check(after, keyring).holds(keyring, generations)
  with pytest.raises(AuthError, match="its key was withdrawn"):
    check(before, keyring)


def test_an_empty_key_is_refused():
  for keys in ((b"",), (b"x" * 32, [b""])):
    with pytest.raises(ValueError, match="empty"):
      Keyring(*keys)


def test_every_key_is_compared_whole_whether_right_or_wrong(monkeypatch):
  compared = []
  real = hmac.compare_digest

  def compare(one, other):
    compared.append((len(one), len(other)))
    return real(one, other)

  keys = [bytes([n]) * 32 for n in range(1, 6)]
  ring = Keyring(keys[0], keys[1:])
  monkeypatch.setattr(tokens.hmac, "compare_digest", compare)
  for key in (*keys, b"x" * 32):
    compared.clear()
    token = made(keyring=Keyring(key))
    if key in keys:
      check(token, ring)
    else:
      with pytest.raises(AuthError):
        check(token, ring)
    assert compared == [(43, 43)] * len(keys)


def test_no_error_and_no_name_repeats_a_token_or_a_key():
  token = made()
  ring = Keyring(KEY)
  message = [
    repr(ring),
    str(ring),
    f"{vars(check(token)) if hasattr(check(token), '__dict__') else ''}",
  ]
  message.append(repr(check(token)))
  for wrong in (token[:-1] + "!", token[:-1] + ("A" if token[-1] != "A" else "B"), token):
    with pytest.raises(AuthError) as error:
      check(wrong, now_s=EXPIRY)
    message.append(repr(error.value))
  for text in message:
    assert token[-43:-1] not in text
    assert KEY.decode() not in text
