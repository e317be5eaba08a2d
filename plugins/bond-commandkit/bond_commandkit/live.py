"""A picture on a terminal that changes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import trio

if TYPE_CHECKING:
  from rich.console import Console
  from rich.text import Text

LAST_WITHIN = 1.0
"""Seconds that the end of a picture may take."""

Show: TypeAlias = "Callable[[Sequence[Text]], Awaitable[None]]"


@asynccontextmanager
async def live_picture(console: "Console", *, alone: bool = False) -> AsyncIterator[Show]:
  """A picture below what a terminal shows, or `alone` on it; yields what draws its lines.

  It is drawn in threads, which may be left behind: a terminal that is stopped (Ctrl-S) stops
  neither its program nor the end of it.
  """
  from rich.live import Live
  from rich.text import Text

  # rich refreshes from a thread of its own unless it is called for each refresh.
  live = Live(console=console, auto_refresh=False, screen=alone)
  in_thread = partial(trio.to_thread.run_sync, abandon_on_cancel=True)

  async def show(lines: Sequence[Text]) -> None:
    picture = Text("\n", no_wrap=True, overflow="ellipsis").join(lines)
    await in_thread(partial(live.update, picture, refresh=True))

  try:
    await in_thread(live.start)
    yield show
  finally:
    with trio.move_on_after(LAST_WITHIN, shield=True):
      await in_thread(live.stop)
