"""Shows the built page on the control plane's port. The page asks the server's own routes for all
data, as any client does."""

import logging
from functools import partial
from pathlib import Path

import trio
from bond_server.doors import Server
from bond_server.showing import Shown, showing

from bond_core import NoConfig

logger = logging.getLogger("bond.page")

STATIC = Path(__file__).with_name("static")
TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
}
POLICY = "; ".join(
  (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  )
)
HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
}


async def serve(
  config: NoConfig,
  server: Server,
  *,
  task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Shows the page until the server stops. Where it was not built, `/` stays the list of routes."""
  files = await trio.to_thread.run_sync(files_of, STATIC)
  if "/" not in files:
    logger.warning(
      "the page is not built; in a checkout Node 20.19 and `make page` build it, wheels have it"
    )
  for path, shown in files.items():
    # The page holds nothing that is secret: what it shows, it asks for with the visitor's key.
    server.doors.answer(path.rstrip("/"), showing(partial(_same, shown)))
  task_status.started(["/ of the control plane"])
  await server.stopping.wait()


def files_of(folder: Path) -> dict[str, Shown]:
  """Returns what is shown at which path: the files of a folder, its index.html at `/`."""
  found = {}
  for file in folder.rglob("*"):
    if file.is_file():
      name = file.relative_to(folder).as_posix()
      # Names of assets change with what is in them.
      lasting = name.startswith("assets/")
      keeping = "public, max-age=31536000, immutable" if lasting else "no-cache"
      path = "/" if name == "index.html" else f"/{name}"
      headers = {**HEADERS, "Cache-Control": keeping}
      found[path] = Shown(file.read_bytes(), TYPES[file.suffix], headers)
  return found


def _same(shown: Shown) -> Shown:
  return shown
