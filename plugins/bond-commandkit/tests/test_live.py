"""A picture on a terminal, and on one that is stopped."""

import io
import sys
import threading

import trio
from bond_commandkit.live import live_picture
from rich.console import Console
from rich.text import Text

PATIENCE = 60.0
"""Seconds after which a terminal goes on, so that a test that fails does not hang."""


class Terminal(io.StringIO):
  """It may be stopped: what writes waits."""

  def __init__(self):
    super().__init__()
    self.resumed, self.waiting = threading.Event(), threading.Event()
    self.resumed.set()

  def write(self, text):
    if not self.resumed.is_set():
      self.waiting.set()
      self.resumed.wait(PATIENCE)
    return super().write(text)


def console_of(terminal):
  return Console(file=terminal, force_terminal=True, width=80, height=24, _environ={})


async def test_the_last_picture_stays():
  terminal = Terminal()
  async with live_picture(console_of(terminal)) as show:
    await show([Text("first")])
    await show([Text("last"), Text("line")])
  assert "first" in terminal.getvalue()
  assert terminal.getvalue().rstrip("\x1b[?25h\n ").endswith("line")


async def test_a_terminal_that_is_stopped_stops_neither_the_program_nor_its_end():
  terminal, ticks, before = Terminal(), 0, sys.stdout
  async with trio.open_nursery() as nursery, live_picture(console_of(terminal)) as show:
    terminal.resumed.clear()
    nursery.start_soon(show, [Text("what is not seen")])
    while not terminal.waiting.is_set():
      await trio.sleep(0.01)
      ticks += 1
    assert ticks
    nursery.cancel_scope.cancel()
  # Neither the picture nor the end of it was waited for.
  assert not terminal.resumed.is_set()
  assert "what is not seen" not in terminal.getvalue()
  terminal.resumed.set()
  # What was left behind ends with its terminal, which takes nothing of this program any more.
  while sys.stdout is not before:
    await trio.sleep(0.01)
