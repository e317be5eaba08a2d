"""The end of a process whose event loop does not turn any more."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def last_resort(within: float, give_up: Callable[[], None]) -> Iterator[None]:
  """Calls `give_up` in a thread, `within` seconds after the first SIGINT or SIGTERM, unless the
  block has been left. The thread is there from the start and the signals are noted apart from the
  event loop, so code that blocks it does not keep the process from ending. Enter it in the main
  thread, inside trio's open_signal_receiver for these signals."""
  noted, left = threading.Event(), threading.Event()

  def wait() -> None:
    noted.wait()
    if not left.wait(within):
      give_up()

  def note(number: int, frame: FrameType | None) -> None:
    noted.set()
    received = handlers[signal.Signals(number)]
    if callable(received):
      received(number, frame)

  handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
  threading.Thread(target=wait, name="bond-last-resort", daemon=True).start()
  try:
    yield
  finally:
    left.set()
    noted.set()
    for number, handler in handlers.items():
      signal.signal(number, handler)
