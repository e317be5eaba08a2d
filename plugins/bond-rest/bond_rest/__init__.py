"""The control plane: streams are made, listed and deleted by HTTP (docs/rest.md)."""

from collections.abc import Iterable
from typing import Any

from bond_core import ServiceType, hookimpl
from bond_rest.config import RestConfig


async def _serve(config: RestConfig, server: Any, **options: Any) -> None:
  # FastAPI takes most of a second to import, so only a server that starts pays for it.
  from bond_rest.service import serve

  await serve(config, server, **options)


@hookimpl
def bond_register_services() -> Iterable[ServiceType]:
  """The HTTP side of `bond serve`."""
  yield ServiceType(
    name="api",
    summary="Streams by HTTP: from a spec or from plain English.",
    config=RestConfig,
    serve=_serve,
  )
