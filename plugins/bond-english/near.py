"""Makes bond_english/near.txt from a list of English words, one a line: python near.py WORDS.txt

The file holds those English words that the spelling rule could take for a misspelling, so that they
are asked about and never corrected. Make it again when the tables of words change; a test says so.
"""

import hashlib
import sys
from pathlib import Path

from bond_english import spelling

TARGET = Path(__file__).parent / "bond_english" / "near.txt"


def fingerprint() -> str:
  """Changes with the words that could be corrected to."""
  words = "\n".join(sorted(spelling.correctable()))
  return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def near(words: list[str]) -> list[str]:
  """The words of a list that are near enough to be taken for a misspelling."""
  known = spelling.known_words()
  spelling.english_words = frozenset  # type: ignore[assignment]
  found = []
  for word in sorted({word.strip().lower() for word in words}):
    if word.isascii() and word.isalpha() and word not in known:
      result = spelling.correction(word)
      if result.word is not None or result.near:
        found.append(word)
  return found


if __name__ == "__main__":
  listed = near(Path(sys.argv[1]).read_text(encoding="utf-8").split())
  head = "# English words near to those of the grammar; made by near.py from a word list."
  head += f"\n# {fingerprint()}\n"
  TARGET.write_text(head + "\n".join(listed) + "\n", encoding="utf-8")
  print(len(listed), "words")
