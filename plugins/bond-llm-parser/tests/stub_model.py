"""A stand-in for an OpenAI-compatible server, on a real socket: it answers what a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def completion(content: Any, finish_reason: str = "stop", **message: Any) -> bytes:
  """The body of an answer with this content, text as it is and anything else as JSON."""
  text = content if isinstance(content, str) or content is None else json.dumps(content)
  choice = {
    "index": 0,
    "message": {"role": "assistant", "content": text, **message},
    "finish_reason": finish_reason,
  }
  return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice]}).encode()


class StubModel:
  """What was requested, and what is answered: `answer` is a body, or a function that writes to the
  handler itself."""

  def __init__(self) -> None:
    self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
    self.answer: bytes | Callable[[BaseHTTPRequestHandler], None] = b"{}"
    self.status = 200
    self.headers: dict[str, str] = {}
    self.ended = threading.Event()
    self.url = ""


@contextmanager
def serving() -> Iterator[StubModel]:
  """A server on this machine, for as long as the test runs."""
  stub = StubModel()

  class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
      body = self.rfile.read(int(self.headers["content-length"]))
      stub.requests.append((self.path, dict(self.headers.items()), json.loads(body)))
      if callable(stub.answer):
        try:
          stub.answer(self)
        except OSError:
          # Who asked has given up.
          pass
        self.close_connection = True
        return
      self.send_response(stub.status)
      for name, value in {"content-length": str(len(stub.answer)), **stub.headers}.items():
        self.send_header(name, value)
      self.end_headers()
      self.wfile.write(stub.answer)

    def log_message(self, *args: Any) -> None:
      """Nothing is written to standard error."""

  server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  server.daemon_threads = True
  thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
  thread.start()
  stub.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
  try:
    yield stub
  finally:
    stub.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()
