"""The configuration of the source of posts."""

import re

import attrs
from bond_social import MAX_SYMBOLS, read_query, term_of, terms_of_all

from bond_core.config import check_endpoint, websocket_scheme, without_slash

SERVERS = (
  "wss://jetstream2.us-east.bsky.network",
  "wss://jetstream1.us-west.bsky.network",
  "wss://jetstream1.us-east.bsky.network",
  "wss://jetstream2.us-west.bsky.network",
)
"""The public instances; a cursor is about the same at each."""
MAX_AUTHORS = 100
PUBLIC = {"public": True}
"""Of keys that specs from outside may set."""
# https://atproto.com/specs/handle and /specs/did.
_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")


def _author(name: str) -> str:
  """Returns a handle in small letters without @, or a DID as it is."""
  name = name.strip().removeprefix("@")
  return name if name.startswith("did:") else name.lower()


def _authors(names: list[str]) -> list[str]:
  return list(map(_author, names))


@attrs.frozen(kw_only=True)
class Posts:
  """Posts about assets (`symbols`), with all words and "phrases" of `query`, of `authors` (handles
  or DIDs), and in the language `lang`; with several of them, posts to which all apply.

  An asset is found by its cashtag, and by hashtag and name where those are no common words; `words`
  adds others.
  """

  symbols: list[str] = attrs.field(factory=list, metadata=PUBLIC)
  query: str = attrs.field(default="", metadata=PUBLIC)
  words: dict[str, list[str]] = attrs.field(factory=dict, metadata=PUBLIC)
  authors: list[str] = attrs.field(factory=list, converter=_authors, metadata=PUBLIC)
  lang: str | None = attrs.field(default=None, metadata=PUBLIC)
  endpoint: str | None = attrs.field(default=None, metadata={"public": False})

  def __attrs_post_init__(self) -> None:
    if not self.symbols and not self.query and not self.authors:
      raise ValueError("nothing to look for; name symbols such as [BTC], a query, or authors")
    if len(self.symbols) > MAX_SYMBOLS:
      raise ValueError(f"{len(self.symbols)} symbols are more than the {MAX_SYMBOLS} of a source")
    if len(self.authors) > MAX_AUTHORS:
      raise ValueError(f"{len(self.authors)} authors are more than the {MAX_AUTHORS} of a source")
    for terms in terms_of_all(self.symbols, self.words).values():
      for term in terms:
        term_of(term)
    read_query(self.query)
    for name in self.authors:
      if not (_DID if name.startswith("did:") else _HANDLE).fullmatch(name):
        raise ValueError(
          f"{name!r} is no author; write a handle such as anna.bsky.social, or a DID"
        )
    if self.endpoint is not None:
      check_endpoint(self.endpoint, "or leave it out for the public servers")

  @property
  def servers(self) -> tuple[str, ...]:
    """The base URLs of Jetstream's WebSockets, to be used in turn."""
    if self.endpoint is None:
      return SERVERS
    return (websocket_scheme(without_slash(self.endpoint)),)
