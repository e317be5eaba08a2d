"""Makes bond_english/reading/lookalikes.txt: python lookalikes.py WORDS.txt

WORDS.txt is a list of English words, one a line. The result holds those that the spelling rule
could take for a misspelling, so that they are asked about and never corrected. Make it again when
the vocabulary changes; a test fails until then.
"""

import hashlib
import sys
from pathlib import Path

from bond_english.reading import spelling

TARGET = Path(__file__).parent / "bond_english" / "reading" / "lookalikes.txt"


def fingerprint() -> str:
  """A hash of the words that a misspelling may be corrected to."""
  words = "\n".join(sorted(spelling.correctable()))
  return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def lookalikes(words: list[str]) -> list[str]:
  """Those of these words that could be taken for a misspelling, sorted."""
  known = spelling.known_words()
  spelling.lookalikes = frozenset  # type: ignore[assignment]
  found = []
  for word in sorted({word.strip().lower() for word in words}):
    if word.isascii() and word.isalpha() and word not in known:
      result = spelling.correction(word)
      if result.word is not None or result.alike:
        found.append(word)
  return found


if __name__ == "__main__":
  found = lookalikes(Path(sys.argv[1]).read_text(encoding="utf-8").split())
  head = (
    "# English words spelled like a word of the grammar; made by lookalikes.py from a word list."
  )
  head += f"\n# {fingerprint()}\n"
  TARGET.write_text(head + "\n".join(found) + "\n", encoding="utf-8")
  print(len(found), "words")
