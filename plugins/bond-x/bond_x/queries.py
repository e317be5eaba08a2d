"""The queries of one source that polls: X may refuse one of them, and take the others."""

from collections.abc import Awaitable, Callable

from bond_core import SourceContext
from bond_x.answers import QueryRefused


class Queries:
  """X's queries, with the asset of each."""

  def __init__(self, assets: dict[str, str], ctx: SourceContext) -> None:
    self._assets = assets
    self._ctx = ctx

  async def each(self, request: Callable[[str, str], Awaitable[None]]) -> None:
    """Requests each. One that X does not take is given up by name; raises QueryRefused for the last
    one."""
    for query, asset in list(self._assets.items()):
      try:
        await request(query, asset)
      except QueryRefused as exc:
        del self._assets[query]
        reason = f"X does not take the query {query!r}: {exc}"
        if not self._assets:
          raise QueryRefused(reason) from None
        self._ctx.refuse(reason)
