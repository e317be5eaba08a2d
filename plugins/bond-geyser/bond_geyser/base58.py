"""Base58, in which Bitcoin and Solana write keys and signatures: no 0, O, I and l, and a leading 1
for each leading zero byte (draft-msporny-base58)."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_VALUES = {char: value for value, char in enumerate(ALPHABET)}
# Ten digits at a time and of these two at a time: divisions, of long numbers most, are what costs.
_TEN = 58**10
_TWO = 58**2
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


MOST_BYTES = 128
"""Longer than any key or signature; what it takes grows with the square."""


def encode(data: bytes) -> str:
  """The text of some bytes. ValueError for more of them than a key or a signature has."""
  if len(data) > MOST_BYTES:
    raise ValueError(f"{len(data)} bytes are no key and no signature")
  number = int.from_bytes(data, "big")
  pairs: list[str] = []
  while number:
    number, part = divmod(number, _TEN)
    for _ in range(5):
      part, pair = divmod(part, _TWO)
      pairs.append(_PAIRS[pair])
  pairs.reverse()
  text = "".join(pairs).lstrip("1")
  return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def decode(text: str) -> bytes:
  """The bytes of a text. ValueError names the character that is none of the alphabet."""
  number = 0
  for char in text:
    value = _VALUES.get(char)
    if value is None:
      raise ValueError(f"{char!r} is no base58 digit")
    number = number * 58 + value
  zeros = len(text) - len(text.lstrip("1"))
  return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
