"""Places for connections, within the files that a process may have open."""

import errno
import socket

import pytest
import trio
from bond_server.access.accepting import accept_from, within_descriptors
from bond_server.access.limits import ConnectionLimits


@pytest.mark.parametrize("available", [64, 256, 1024, 4096, 65_536])
def test_the_ports_and_the_server_itself_fit_into_what_there_is(available):
  ports = [within_descriptors(ConnectionLimits(), share, available) for share in (0.75, 0.25)]
  taken = sum(limits.connections for limits in ports)
  assert taken + available // 4 <= max(available, 64 + 8)
  for limits in ports:
    # One address never fills a port, nor the places of those that wait.
    assert limits.per_address <= limits.connections // 2 + 1
    assert limits.waiting_per_address <= limits.waiting


def test_limits_that_fit_stay_as_they_are_and_so_does_no_limit():
  small = ConnectionLimits(connections=10, per_address=10)
  assert within_descriptors(small, 0.5, 1024) == small
  free = ConnectionLimits(connections=0, per_address=0, waiting=0, waiting_per_address=0)
  found = within_descriptors(free, 0.5, 1024)
  assert (found.connections, found.per_address, found.waiting) == (384, 0, 0)


class Full:
  """A listener whose process has no descriptor left for a while."""

  def __init__(self, listener, times):
    self._listener = listener
    self._times = times

  def fileno(self):
    return self._listener.fileno()

  def accept(self):
    if self._times:
      self._times -= 1
      raise OSError(errno.EMFILE, "Too many open files")
    return self._listener.accept()


async def test_a_lack_of_descriptors_is_said_once_and_waited_for(autojump_clock, caplog):
  with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.setblocking(False)
    taken = []
    with socket.create_connection(listener.getsockname()), trio.move_on_after(3):
      await accept_from(Full(listener, 5), lambda sock, address: taken.append((sock, address)))
    ((sock, address),) = taken
    sock.close()
  assert address == "127.0.0.1"
  assert [record.getMessage() for record in caplog.records] == [
    "no more connections can be taken: Too many open files; raise ulimit -n"
  ]
