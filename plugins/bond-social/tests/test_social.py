import pytest
from bond_social.assets import asset_of, terms_of, terms_of_all
from bond_social.gaps import post_gap
from bond_social.matching import Words, read_query, term_of
from bond_social.seen import SeenPosts


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


def test_a_gap_of_posts_names_the_times_between_which_they_are_missing():
  gap = post_gap("x", "the stream was interrupted", 5, 9, 3)
  assert (gap.exchange, gap.channel, gap.symbol) == ("x", "post", "*")
  assert (gap.ts_from, gap.ts_to, gap.ts_event, gap.missed) == (5, 9, 9, 3)
  assert gap.cause == "the stream was interrupted"


def test_a_post_is_new_once_for_as_long_as_it_is_among_the_last():
  seen = SeenPosts(3)
  assert [seen.add(key) for key in ("a", "b", "a", "c")] == [True, True, False, True]
  assert [seen.add(key) for key in ("d", "b", "a")] == [True, False, True]
