from bond_simkit import Fanout

from bond_core.websockets import text_frame


class Connection:
  delay = 0.0

  def __init__(self):
    self.sent = []

  def send(self, frame):
    self.sent.append(frame)


def test_each_connection_gets_its_own_stamp_and_one_without_gets_what_was_published():
  fanout = Fanout()
  stamps = {b"1": Connection(), b"2": Connection(), b"": Connection()}
  for stamp, connection in stamps.items():
    own = (lambda data, stamp=stamp: data + stamp) if stamp else None
    fanout.open(connection, stamp=own)
    fanout.subscribe(connection, "trades")
  fanout.publish("trades", b"data")
  got = {stamp: connection.sent for stamp, connection in stamps.items()}
  assert got == {stamp: [text_frame(b"data" + stamp)] for stamp in stamps}
