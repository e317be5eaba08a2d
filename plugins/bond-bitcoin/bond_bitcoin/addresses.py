"""Addresses: their shapes and their checksums.

Sources: Base58Check (a version, 20 bytes and the first four bytes of their double SHA-256), and
BIP-173 and BIP-350 (segregated witness: bech32 for version 0, bech32m for later ones).
"""

import re
from hashlib import sha256

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_LEGACY = re.compile(rf"[123mn][{_BASE58}]{{25,34}}")
_WITNESS = re.compile(rf"(bc|tb|bcrt)1([{_BECH32}]{{8,87}})")
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK_0, _CHECK_LATER = 1, 0x2BC830A3


def read_address(text: str) -> str | None:
  """The address of Bitcoin, or of one of its test networks, that a text is, as servers write it:
  segregated witness may come in capitals. None for anything else."""
  if _LEGACY.fullmatch(text):
    return text if _is_legacy(text) else None
  text = text.lower() if text.isupper() else text
  witness = _WITNESS.fullmatch(text)
  return text if witness is not None and _is_witness(witness[1], witness[2]) else None


def _is_legacy(text: str) -> bool:
  number = 0
  for char in text:
    number = number * 58 + _BASE58.index(char)
  if number >= 1 << 200:
    return False
  data = number.to_bytes(25, "big")
  return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def _is_witness(network: str, text: str) -> bool:
  values = [_BECH32.index(char) for char in text]
  version, program = values[0], len(values) - 7
  bits = 5 * program
  if version > 16 or not 2 <= bits // 8 <= 40 or bits % 8 > 4:
    return False
  if version == 0 and bits // 8 not in (20, 32):
    return False
  spread = [*(ord(char) >> 5 for char in network), 0, *(ord(char) & 31 for char in network)]
  return _remainder([*spread, *values]) == (_CHECK_0 if version == 0 else _CHECK_LATER)


def _remainder(values: list[int]) -> int:
  """That of the polynomial of these values, which the checksum makes a constant."""
  check = 1
  for value in values:
    top = check >> 25
    check = (check & 0x1FFFFFF) << 5 ^ value
    for bit, generator in enumerate(_GENERATOR):
      if top >> bit & 1:
        check ^= generator
  return check
