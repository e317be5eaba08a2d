import pytest
import trio
from bond_social.assets import asset_of, terms_of, terms_of_all
from bond_social.inbox import QUEUED, Inbox
from bond_social.matching import Words, read_query, term_of

from bond_core._events import Gap, Post


@pytest.mark.parametrize(
  ("text", "asset", "found"),
  [
    ("$btc goes up", "BTC", True),
    ("Bitcoin!", "BTC", True),
    ("all on #BITCOIN", "BTC", True),
    ("#btc", "BTC", True),
    ("bitcoiner", "BTC", False),
    ("BTC without a sign", "BTC", False),
    ("$BTCUSD", "BTC", False),
    ("the one and #one", "ONE", False),
    ("I bought $ONE.", "ONE", True),
    ("near $near", "NEAR", True),
    ("Ｂ and 比特币", "BTC", False),
    ("", "BTC", False),
  ],
)
def test_an_asset_is_found_by_whole_words_in_any_case(text, asset, found):
  assert Words(text).has_any([term_of(term) for term in terms_of(asset)]) is found


def test_phrases_are_words_in_a_row_and_a_hashtag_is_also_a_word():
  phrase = term_of("satoshi nakamoto")
  assert Words("Who is Satoshi   Nakamoto?").has(phrase)
  assert Words("is #satoshi #nakamoto here").has(phrase)
  assert not Words("nakamoto satoshi").has(phrase)
  assert Words("#etf").has(term_of("etf"))
  assert not Words("etf").has(term_of("#etf"))


def test_tags_beside_the_text_count():
  assert Words("look at this", ["Bitcoin"]).has(term_of("#bitcoin"))


def test_a_query_wants_all_of_its_words():
  query = read_query('etf "spot price" #now')
  assert Words("ETF: the spot price is here #now").has_all(query)
  assert not Words("ETF: the price is here #now").has_all(query)
  with pytest.raises(ValueError, match="no word to look for"):
    read_query("etf !!!")


def test_symbols_are_assets_and_words_belong_to_one():
  assert [asset_of(text) for text in ("BTC/USDT", "$eth", "sol-usd")] == ["BTC", "ETH", "SOL"]
  assert terms_of_all(["ONE/USDT"], {"$one": ["harmony"]}) == {"ONE": ["$ONE", "harmony"]}
  with pytest.raises(ValueError, match="words are for ETH"):
    terms_of_all(["BTC"], {"ETH": ["vitalik"]})


async def test_what_does_not_fit_an_inbox_is_declared_once_with_its_number():
  inbox = Inbox("x")
  post = Post(exchange="x", symbol="BTC", text="hi")
  for _ in range(QUEUED + 3):
    inbox.give([post])
  for _ in range(QUEUED):
    await inbox.receive.receive()
  inbox.give([post])
  gap, last = await inbox.receive.receive()
  assert (type(gap), gap.missed, gap.channel, last) == (Gap, 3, "post", post)
  inbox.fail("enough")
  inbox.give([post])
  with pytest.raises(trio.EndOfChannel):
    await inbox.receive.receive()
