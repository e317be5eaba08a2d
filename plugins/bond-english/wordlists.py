"""Makes the lists of English words that the grammar reads: python wordlists.py COMMON.txt RARE.txt

Both are lists of English words, one a line, as those of SCOWL (wordlist.aspell.net) up to size 35
and up to size 70. words/english.txt has the common words in small letters without their regular
forms; reading/lookalikes.txt has those of both that the spelling rule could take for a misspelling,
so that they are asked about and never corrected. Make them again when the vocabulary changes; a
test fails until then.
"""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from bond_english.reading import spelling
from bond_english.words.plain import bases, is_plain

PACKAGE = Path(__file__).parent / "bond_english"
LOOKALIKES = PACKAGE / "reading" / "lookalikes.txt"
ENGLISH = PACKAGE / "words" / "english.txt"


def fingerprint() -> str:
  """A hash of the words that a misspelling may be corrected to."""
  words = "\n".join(sorted(spelling.correctable()))
  return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def lookalikes(words: Iterable[str]) -> list[str]:
  """Those of these words that could be taken for a misspelling, sorted."""
  known = spelling.known_words()
  spelling.lookalikes = frozenset  # type: ignore[assignment]
  found = []
  for word in sorted(set(words)):
    if word.isascii() and word.isalpha() and word.islower() and word not in known:
      result = spelling.correction(word)
      if result.word is not None or result.alike:
        found.append(word)
  return found


def english(words: Iterable[str]) -> list[str]:
  """Those in small letters that no table has, without the regular forms of others, sorted."""
  known = spelling.known_words()
  low = {word for word in words if word.isascii() and word.isalpha() and word.islower()}
  return sorted(
    word
    for word in low
    if len(word) > 2 and word not in known and not is_plain(word) and low.isdisjoint(bases(word))
  )


def _write(target: Path, head: str, words: list[str]) -> None:
  lines = [f"# {line}" if line else "#" for line in head.splitlines()]
  target.write_text("\n".join([*lines, *words]) + "\n", encoding="utf-8")
  print(target.name, len(words), "words")


_NOTICE = """\
Copyright 2000-2011 by Kevin Atkinson

Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the
output created from the scripts, and its documentation for any purpose is hereby granted without
fee, provided that the above copyright notice appears in all copies and that both that copyright
notice and this permission notice appear in supporting documentation. Kevin Atkinson makes no
representations about the suitability of this array for any purpose. It is provided "as is" without
express or implied warranty."""


if __name__ == "__main__":
  common, rare = (Path(name).read_text(encoding="utf-8").split() for name in sys.argv[1:3])
  _write(
    LOOKALIKES,
    "English words spelled like a word of the grammar; made by wordlists.py from word lists.\n"
    + fingerprint(),
    lookalikes([*common, *rare]),
  )
  _write(
    ENGLISH,
    f"Common English words; made by wordlists.py from the list of SCOWL, size 35.\n\n{_NOTICE}",
    english(common),
  )
