"""Ctrl-C and SIGTERM: the first stops what runs, the second does not wait for it."""

import os
import signal
from collections.abc import Callable

import trio

STOPPED = 130
"""Exit code of a process that left at the second signal, as shells have it for Ctrl-C."""


async def on_signals(
  stop: Callable[[], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
  """Calls `stop` at the first SIGINT or SIGTERM; at the second the process ends at once. Start it
  with `nursery.start`, before anything that has to end in order."""
  with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
    task_status.started()
    stopping = False
    async for _ in signals:
      if stopping:
        # The user does not want to wait.
        os._exit(STOPPED)
      stopping = True
      stop()
