import pytest
from bond_geyser.base58 import decode, encode
from hypothesis import given, strategies as st


# draft-msporny-base58, "Test Vectors".
@pytest.mark.parametrize(
  ("data", "text"),
  [
    (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (
      b"The quick brown fox jumps over the lazy dog.",
      "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
    ),
    (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    (bytes(32), "1" * 32),
    (b"", ""),
  ],
)
def test_the_draft_s_vectors(data, text):
  assert encode(data) == text
  assert decode(text) == data


@given(st.binary(max_size=80))
def test_what_was_encoded_is_decoded(data):
  assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "abc é"])
def test_what_is_no_digit_is_named(text):
  with pytest.raises(ValueError, match="no base58 digit"):
    decode(text)
