"""Addresses, by the test vectors of BIP-173 and BIP-350 and some that everybody knows."""

import pytest
from bond_bitcoin.addresses import read_address
from bond_bitcoin.config import Bitcoin

RIGHT = [
  "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
  "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
  "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
  "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
  "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
  "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
  "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
  "bc1sw50qgdz25j",
]


@pytest.mark.parametrize("text", RIGHT)
def test_an_address_is_one_and_with_any_other_character_none(text):
  assert read_address(text) == text
  for at, char in enumerate(text):
    for other in "1qzA":
      slip = text[:at] + other + text[at + 1 :]
      assert other == char or read_address(slip) is None, slip


@pytest.mark.parametrize(
  "text",
  [
    "",
    "0xabc",
    "bc1q",
    # Version 0 with the checksum of later ones, and the other way round.
    "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    # Programs that are too short or too long, and capitals in part.
    "bc1qr508d6qejxtdg4y5r3zarvaryv98gj9p",
    "bc1qw508d6qejxtdg4y5r3zarvaryvqyzf3du",
    "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "1" * 34,
    "3" + "z" * 34,
  ],
)
def test_what_is_no_address(text):
  assert read_address(text) is None


def test_capitals_are_the_same_address():
  [text] = [text for text in RIGHT if text.startswith("bc1qw")]
  config = Bitcoin(accounts=[text.upper(), text])
  assert config.connection.accounts == (text,)
