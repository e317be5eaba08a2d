"""Reads what contracts write into logs and answers, strictly.

Ethereum's contract ABI (docs.soliditylang.org, abi-spec): values stand in words of 32 bytes;
ERC-20 (EIP-20) has Transfer(address indexed from, address indexed to, uint256 value), ERC-721
(EIP-721) the same event with its third value indexed, so with four topics and no data. Contracts of
before these rules index nothing, so all three values stand in the data.
JSON-RPC writes bytes and quantities in hexadecimal with 0x (EIP-1474).
"""

import re
import unicodedata

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""keccak256 of Transfer(address,address,uint256)."""

DECIMALS = "0x313ce567"
SYMBOL = "0x95d89b41"
"""The selectors of decimals() and symbol()."""

MOST_DECIMALS = 77
"""10**77 is the last power of ten in 256 bits; a larger number cannot be right."""

MAX_SYMBOL = 32
MAX_ANSWER = 4096

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_WORD = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS_WORD = re.compile(r"0x0{24}[0-9a-f]{40}")
_DATA = re.compile(r"0x([0-9a-f]{2})*")
# Leading zeros are against the rule and seen in the wild.
_AMOUNT = re.compile(r"0x0*[0-9a-f]{1,64}")
_QUANTITY = re.compile(r"0x0*[0-9a-f]{1,15}")


def is_address(text: str) -> bool:
  """Returns whether a text is an address, in any case of letters."""
  return _ADDRESS.fullmatch(text.lower()) is not None


def as_topic(address: str) -> str:
  """Returns an address as topics have it."""
  return "0x" + "0" * 24 + address.lower()[2:]


def quantity(text: str) -> int:
  """Returns a number below 2**60, as all but amounts are. Raises ValueError for anything else."""
  if not _QUANTITY.fullmatch(text.lower()):
    raise ValueError(f"{text[:80]!r} is no quantity of JSON-RPC")
  return int(text, 16)


def amount_of(text: str) -> int:
  """Returns an amount of up to 256 bits. Raises ValueError for anything else."""
  if not _AMOUNT.fullmatch(text.lower()):
    raise ValueError(f"{text[:80]!r} is no amount of JSON-RPC")
  return int(text, 16)


def hash_of(text: str) -> str:
  """Returns a hash in small letters. Raises ValueError for anything else."""
  low = text.lower()
  if not _WORD.fullmatch(low):
    raise ValueError(f"{text[:80]!r} is no hash")
  return low


def is_unindexed(topics: list[str]) -> bool:
  """Returns whether a log has no topic but that of its event."""
  return len(topics) == 1


def transfer_of(topics: list[str], data: str) -> tuple[str, str, int] | None:
  """Returns from, to and amount of an ERC-20 transfer; None for any other log, such as that of an
  ERC-721 or of a contract with rules of its own. Where nothing is indexed the amount may be the id
  of a collectible."""
  if is_unindexed(topics) and len(data) == 2 + 3 * 64:
    topics, data = [*topics, data[:66], "0x" + data[66:130]], "0x" + data[130:]
  if len(topics) != 3:
    return None
  event, sender, receiver, amount = (text.lower() for text in (*topics, data))
  if event != TRANSFER or not _WORD.fullmatch(amount):
    return None
  if not _ADDRESS_WORD.fullmatch(sender) or not _ADDRESS_WORD.fullmatch(receiver):
    return None
  return "0x" + sender[26:], "0x" + receiver[26:], int(amount, 16)


def decimals_of(answer: object) -> int | None:
  """Returns what decimals() answered; None for a number that no token can have."""
  if not isinstance(answer, str) or not _WORD.fullmatch(answer.lower()):
    return None
  number = int(answer, 16)
  return number if number <= MOST_DECIMALS else None


def symbol_of(answer: object) -> str | None:
  """Returns what symbol() answered: a string, or 32 bytes as the first contracts have it. None for
  a text that is empty, too long, or has anything but visible characters."""
  if not isinstance(answer, str) or len(answer) > MAX_ANSWER or not _DATA.fullmatch(answer.lower()):
    return None
  data = bytes.fromhex(answer[2:])
  if len(data) == 32:
    found = data.rstrip(b"\0")
  else:
    start, size = int.from_bytes(data[:32]), int.from_bytes(data[32:64])
    if start != 32 or size > len(data) - 64:
      return None
    found = data[64 : 64 + size]
  try:
    text = found.decode()
  except UnicodeDecodeError:
    return None
  visible = all(unicodedata.category(letter)[0] in "LNPS" for letter in text)
  return text if 0 < len(text) <= MAX_SYMBOL and visible else None
