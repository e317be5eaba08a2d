import h11
import httpx
import pytest
import trio
from bond_simkit import Abort, HttpResponse, json_response, serve_site
from bond_simkit.http import MAX_BODY_BYTES, MAX_HEADER_BYTES


class Site:
  def __init__(self):
    self.requests = []

  async def http(self, request):
    self.requests.append(request)
    if request.path == "/abort":
      raise Abort
    if request.path == "/stream":
      return HttpResponse(body=self.parts())
    return json_response({"path": request.path, "size": len(request.body)})

  async def parts(self):
    for part in (b"one\r\n", b"two\r\n"):
      await trio.sleep(0.01)
      yield part


@pytest.fixture
async def served(nursery):
  site = Site()
  site.url = await nursery.start(serve_site, site, "127.0.0.1", 0)
  site.port = int(site.url.rpartition(":")[2])
  return site


async def raw(served, data):
  async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
    await stream.send_all(data)
    answer = b""
    with trio.fail_after(2):
      while part := await stream.receive_some():
        answer += part
  return answer


async def test_one_connection_carries_many_requests(served):
  async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
    client = h11.Connection(h11.CLIENT)
    for path in ("/a?x=1&y=%2F&x=2", "/b%20c"):
      request = h11.Request(method="GET", target=path, headers=[("Host", "x")])
      await stream.send_all(client.send(request) + client.send(h11.EndOfMessage()))
      events = []
      while h11.EndOfMessage not in [type(event) for event in events]:
        event = client.next_event()
        if event is h11.NEED_DATA:
          client.receive_data(await stream.receive_some())
        else:
          events.append(event)
      assert events[0].status_code == 200
      client.start_next_cycle()
  assert [request.path for request in served.requests] == ["/a", "/b c"]
  assert served.requests[0].query == (("x", "1"), ("y", "/"), ("x", "2"))
  assert served.requests[0].param("x") == "1"
  assert served.requests[0].param("z") is None


async def test_a_body_is_read_and_an_overlong_one_refused(served):
  async with httpx.AsyncClient(base_url=served.url, trust_env=False, verify=False) as client:
    assert (await client.post("/", content=b"x" * 1000)).json()["size"] == 1000
  head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)
  async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
    await stream.send_all(head)
    with trio.fail_after(5):
      await stream.send_all(b"x" * (MAX_BODY_BYTES + 1))
      assert (await stream.receive_some()).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
  ("sent", "status"),
  [
    (b"NONSENSE\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (MAX_HEADER_BYTES + 1), b"431"),
  ],
)
async def test_what_is_not_a_request_gets_its_status_and_is_cut_off(served, sent, status):
  assert (await raw(served, sent)).startswith(b"HTTP/1.1 " + status)


async def test_a_body_can_be_streamed(served):
  async with (
    httpx.AsyncClient(base_url=served.url, trust_env=False, verify=False) as client,
    client.stream("GET", "/stream") as answer,
  ):
    assert [line async for line in answer.aiter_lines()] == ["one", "two"]
  assert answer.headers["transfer-encoding"] == "chunked"


async def test_a_site_may_have_the_connection_reset(served):
  stream = await trio.open_tcp_stream("127.0.0.1", served.port)
  await stream.send_all(b"GET /abort HTTP/1.1\r\nHost: x\r\n\r\n")
  with pytest.raises(trio.BrokenResourceError):
    await stream.receive_some()
  await stream.aclose()


async def test_a_client_that_sends_nothing_is_disconnected(autojump_clock, served):
  stream = await trio.open_tcp_stream("127.0.0.1", served.port)
  assert await stream.receive_some() == b""
  assert trio.current_time() >= 75
  await stream.aclose()
