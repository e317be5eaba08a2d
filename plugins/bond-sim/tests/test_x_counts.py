"""Recent counts of the simulated X, as its documentation has them."""

import msgspec
import pytest
import trio
from bond_sim.x.site import COUNTS, XSite
from bond_simkit import HttpRequest, VenueClock

START = 1_800_000_000_000
"""The beginning of a minute and of an hour."""


@pytest.fixture
async def site():
  return XSite(VenueClock(START))


async def request(site, **params):
  headers = {"authorization": "Bearer x"}
  counts = HttpRequest(
    method="GET", path=COUNTS, query=tuple(params.items()), headers=headers, body=b""
  )
  answer = await site.http(counts)
  return answer.status, msgspec.json.decode(answer.body), dict(answer.headers)


async def test_each_minute_has_its_number_and_those_that_are_cut_short_say_so(autojump_clock, site):
  for _ in range(30):
    site.write("$BTC")
    site.write("the weather")
    await trio.sleep(5)
  end = "2027-01-15T08:01:30Z"
  times = {"start_time": "2027-01-15T08:00:00Z", "end_time": end}
  status, body, headers = await request(site, query="$BTC", granularity="minute", **times)
  assert status == 200
  assert body == {
    "data": [
      {
        "end": "2027-01-15T08:01:00.000Z",
        "start": "2027-01-15T08:00:00.000Z",
        "tweet_count": 12,
      },
      {
        "end": "2027-01-15T08:01:30.000Z",
        "start": "2027-01-15T08:01:00.000Z",
        "tweet_count": 6,
      },
    ],
    "meta": {"total_tweet_count": 18},
  }
  assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("300", "299")


async def test_without_times_the_hours_of_seven_days_come_up_to_thirty_seconds_ago(
  autojump_clock, site
):
  site.write("$BTC")
  _, body, _ = await request(site, query="$BTC")
  assert len(body["data"]) == 7 * 24 + 1
  assert body["meta"] == {"total_tweet_count": 0}
  await trio.sleep(31)
  _, body, _ = await request(site, query="$BTC")
  assert body["meta"] == {"total_tweet_count": 1}


@pytest.mark.parametrize(
  ("params", "detail"),
  [
    ({"granularity": "second"}, "minute, hour or day"),
    ({"query": "$BTC" * 200}, "512"),
    ({"end_time": "2027-01-15T07:59:55Z"}, "10 seconds prior"),
    ({"start_time": "2027-01-01T08:00:00Z"}, "seven days"),
    ({"start_time": "yesterday"}, "is no time"),
  ],
)
async def test_what_x_does_not_accept_is_refused_and_counted(autojump_clock, site, params, detail):
  status, body, _ = await request(site, **{"query": "$BTC", **params})
  assert status == 400
  assert detail in body["detail"]
  assert site.violations["counts"] == 1
  assert site.counted == 0


async def test_more_than_three_hundred_requests_in_fifteen_minutes_are_refused(
  autojump_clock, site
):
  for _ in range(300):
    await request(site, query="$BTC")
  status, _, headers = await request(site, query="$BTC")
  assert (status, headers["x-rate-limit-remaining"]) == (429, "0")
  assert site.violations[f"GET {COUNTS}"] == 1
  await trio.sleep(901)
  assert (await request(site, query="$BTC"))[0] == 200
