"""What reading posts costs, and the cap.

Source: X API v2, pricing of 2026 (pay-per-use): 0.005 USD for a post that is read, 0.010 USD for a
user that comes with it; the same one within a UTC day is charged once. Users are counted with every
post here, so the figure is an upper bound. "Counts: Recent" is 0.005 USD for a request, whatever it
counts.
"""

POST_USD = 0.005
USER_USD = 0.010
COUNT_USD = 0.005
DAY_MS = 86_400_000


class Spending:
  """What an account has spent in the current UTC day."""

  def __init__(self) -> None:
    self.posts = 0
    self.counts = 0
    """Requests for counts."""
    self._day = 0

  @property
  def usd(self) -> float:
    """US dollars spent today, at most."""
    return round(self.posts * (POST_USD + USER_USD) + self.counts * COUNT_USD, 3)

  def read(self, now_ms: int, posts: int = 1) -> None:
    """Notes posts that were read."""
    if (day := now_ms // DAY_MS) != self._day:
      self._day, self.posts, self.counts = day, 0, 0
    self.posts += posts

  def counted(self, now_ms: int) -> None:
    """Notes one more request for counts that was answered."""
    self.read(now_ms, 0)
    self.counts += 1

  def over(self, cap: float, now_ms: int) -> str:
    """Returns why no more may be read today, "" where it may. A cap of 0 USD is none."""
    self.read(now_ms, 0)
    if not cap or self.usd < cap:
      return ""
    return (
      f"{self.usd:.2f} USD were spent on X today, and spend_cap is {cap:g}; "
      "raise it, or begin again tomorrow (UTC)"
    )


def estimate(cap: float) -> str:
  """Returns the sentence to log before anything is spent on posts."""
  each = POST_USD + USER_USD
  price = (
    f"X charges up to {each:.3f} USD for a post with its author: {each * 86_400:,.0f} USD a day"
  )
  price += " at one post a second"
  if not cap:
    return f"{price}; spend_cap is 0, so there is no cap"
  return f"{price}; this source ends at {cap:g} USD in a UTC day, which is {int(cap / each)} posts"


def estimate_counts(queries: int, every: float, cap: float) -> str:
  """Returns the same for counts: so many queries, each requested once in `every` seconds."""
  daily = queries * 86_400 / every * COUNT_USD
  price = (
    f"X charges {COUNT_USD:.3f} USD for a request of counts: {daily:,.2f} USD a day for "
    f"{queries} every {every:g} s"
  )
  if not cap:
    return f"{price}; spend_cap is 0, so there is no cap"
  if daily <= cap:
    return f"{price}; this source ends at {cap:g} USD in a UTC day"
  hours = 24 * cap / daily
  return f"{price}; this source ends at {cap:g} USD, {hours:.1f} hours into a UTC day"
