"""What reading posts costs, and the cap.

Source: X API v2, pricing of 2026 (pay-per-use): 0.005 USD for a post that is read, 0.010 USD for a
user that comes with it; the same one within a UTC day is charged once. Users are counted with every
post here, so the figure is an upper bound.
"""

POST_USD = 0.005
USER_USD = 0.010
DAY_MS = 86_400_000


class Spending:
  """What was spent in the current UTC day."""

  def __init__(self) -> None:
    self.posts = 0
    self._day = 0

  @property
  def usd(self) -> float:
    """US dollars at most, today."""
    return self.posts * (POST_USD + USER_USD)

  def read(self, now_ms: int) -> None:
    """One more post was read."""
    if (day := now_ms // DAY_MS) != self._day:
      self._day, self.posts = day, 0
    self.posts += 1


def estimate(cap: float) -> str:
  """The sentence that is said before anything is spent."""
  each = POST_USD + USER_USD
  told = (
    f"X charges up to {each:.3f} USD for a post with its author: {each * 86_400:,.0f} USD a day"
  )
  told += " at one post a second"
  if not cap:
    return f"{told}; spend_cap is 0, so there is no cap"
  return f"{told}; this source ends at {cap:g} USD in a UTC day, which is {int(cap / each)} posts"
