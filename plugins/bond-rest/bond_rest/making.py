"""The streams of the control plane, for other services through which callers come."""

from typing import Any

from bond_server.making import StreamRefused

from bond_rest.problems import ApiError
from bond_rest.streams import Streams


class Maker:
  """Makes streams as POST /v1/streams does (bond_server.making.StreamMaker)."""

  def __init__(self, streams: Streams) -> None:
    self._streams = streams

  async def make(
    self,
    owner: str,
    *,
    text: str | None = None,
    spec: dict[str, Any] | str | None = None,
    confirm: bool = False,
    host: str,
  ) -> dict[str, Any]:
    """Makes a stream, or finds the one that runs."""
    understood: dict[str, Any] | None = None
    try:
      if text is not None:
        answer = await self._streams.understand(text)
        understood = answer.understood()
        checked = await self._streams.confirmed(answer, confirm=confirm)
      elif spec is not None:
        checked = await self._streams.spec_of(spec)
      else:
        raise ApiError(422, "give a text or a spec")
      stream, new = await self._streams.create(checked, owner)
    except ApiError as exc:
      asks = [] if understood is None else [*understood["questions"], *understood["missing"]]
      asks = asks or ([] if understood is None else understood["problems"])
      more = exc.more if understood is None else {**exc.more, "understood": understood}
      raise StreamRefused(exc.status, exc.detail, more, asks) from exc
    return {**self._streams.answered(stream, owner, understood, host), "new": new}

  def listed(self, owner: str) -> list[dict[str, Any]]:
    """The streams of an owner."""
    return self._streams.of(owner)
