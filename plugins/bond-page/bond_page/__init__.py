"""The live page, at `/` of the control plane (docs/page.md)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bond_core import NoConfig, ServiceType, hookimpl

if TYPE_CHECKING:
  import trio


async def _serve(config: Any, server: Any, *, task_status: "trio.TaskStatus[list[str]]") -> None:
  from bond_page.service import serve

  await serve(config, server, task_status=task_status)


@hookimpl
def bond_register_services() -> Iterable[ServiceType]:
  """The page of `bond serve`."""
  yield ServiceType(
    name="page",
    summary="The live page at / of the control plane.",
    config=NoConfig,
    serve=_serve,
  )
