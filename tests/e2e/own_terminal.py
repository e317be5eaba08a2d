"""A command on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from venue import BOND


def on_a_terminal(arguments, environ, *, columns=80, until=None, keys=b""):
  """Runs a command on a terminal of its own; what it shows, and its exit code. `keys` are typed as
  soon as it shows `until`."""
  pid, terminal = pty.fork()
  if not pid:
    os.execve(BOND[0], [*BOND, *arguments], {**environ, "TERM": "xterm"})
  screen = b""
  try:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
      if select.select([terminal], [], [], 0.1)[0]:
        try:
          screen += os.read(terminal, 65_536)
        except OSError:
          break
      if until is not None and re.search(until, screen):
        os.write(terminal, keys)
        until = None
    else:
      os.kill(pid, signal.SIGKILL)
  finally:
    os.close(terminal)
  return screen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
