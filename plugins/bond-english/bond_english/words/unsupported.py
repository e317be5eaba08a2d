"""What a request can be about that no stream has: orders, history, help, data nobody offers."""

from bond_english.words import split_phrases, split_words

NOT_OFFERED = split_phrases(
  """
  dominance; market cap; market caps; marketcap; market capitalization; mcap; fear and greed; fear
  and greed index; fear & greed; fear greed index; rsi; macd; bollinger bands; bollinger; moving
  average; moving averages; ema; sma; twap; atr; volatility; realized volatility; realised
  volatility; historical volatility; hash rate; hashrate; hash power; supply; circulating supply;
  total supply; tvl; total value locked; staking yield; staking rewards; apr; apy; airdrop;
  airdrops; inflows; outflows; netflow; netflows; exchange inflows; exchange outflows; exchange
  flows; long short ratio; long / short ratio; basis; futures basis; coinbase premium; kimchi; put
  call ratio; greeks; gamma; max pain; nft; nfts; nft floor price; floor price; block trades; block
  trade; etf flows; etf inflows; heatmap; csv;
  excel; telegram; discord; reddit; youtube; tiktok; instagram; facebook; farcaster; mastodon;
  threads; linkedin; stocktwits; weather; github; github commits; prediction; predictions;
  forecast; signals; trading signals; signal; technical analysis; indicator; indicators; support
  and resistance; order flow; footprint; heat map; profit; pnl; portfolio; my balance; balance;
  balances; account balance; smart money; holders; holder count; active addresses; new addresses;
  exchange reserves; reserves; unlocks; token unlocks; listings; new listings; halving countdown;
  difficulty; stake; validators; base rate; interest rate; interest rates; borrow rate; lending
  rates; 24h change; price change; daily change; percent change; market depth chart; open orders;
  my orders; my trades; my positions; stochastic; ichimoku; vwma; all
  time high; ath; median price; median;
  momentum; velocity; skew; skews; volatility smile; term structure; contango; backwardation;
  carry trade; toxicity; vpin; drawdown; returns; beta; alpha; sharpe; yield; yields; walls; wall;
  pressure; resistance; breakout; breakouts; reversal; reversals; divergence; divergences;
  crossover; crossovers; oversold; overbought; uptrend; downtrend; fibonacci; pivots; patterns;
  engagement; likes; retweets; reposts; replies; followers; comments; leaderboard; leaderboards;
  vault; vaults; leverage; collateral; insurance fund; slope; depth weighted; adoption;
  correlated; uncorrelated
  """
)
"""Data that a user may well mean and that no source offers."""

NARROWING = frozenset(
  split_words(
    """
    insider insiders institutional institutions institution iceberg icebergs hidden dark odd wash
    washed spoof spoofed spoofing suspicious unusual abnormal anomalous unexpected volatile
    volatility illiquid liquid profitable bullish bearish viral trending verified unverified
    influencer influencers influential unique distinct duplicate duplicated failed failing
    reverted cancelled canceled rejected unconfirmed confirmed unfilled filled orphaned stuck
    resting passive maker makers annualized annualised weighted smoothed smoothing adjusted
    detrended lagged delayed stale expected theoretical realized realised implied predicted
    estimated projected forecasted unrealized opening closing overnight intraday weekend weekends
    session sessions rising falling increasing decreasing declining winning losing winners losers
    extreme extremes outlier anomaly surge surges burst bursts sudden fake rumors rumours
    celebrities celebrity developers arbitrageurs hedgers miners miner dormant inactive frozen
    locked bridged burned midnight noon dawn dusk
    """
  )
)
"""Words that narrow market data down in a way that nothing offers, so that they are never taken for
plain English: insider trades, unusual volume."""

RECORDING = frozenset(
  ("record", "recording", "recorded", "parquet", "csv", "export", "save", "storing", "store")
)
"""Words for what is done with a stream by other commands."""

HISTORY = split_phrases(
  """
  last week; last month; last year; last night; last monday; last tuesday; last wednesday; last
  thursday; last friday; last saturday; last sunday; past week; past month; past year; last weeks;
  last months; last years; past weeks; past months; past years; this week; this month; this year;
  last quarter; yesterday; yesterday's; historical; historical data; history; historic; backtest;
  backtesting; the other day; ago; since; previous week; previous month; previous year; previous
  day; earlier today; this morning; last weekend; archive; archived; back in; at the time of; day
  before yesterday; year to date; ytd; mtd; last seven days; all time; ever since; two weeks back;
  last decade; what was; what were; how was; monday; tuesday; wednesday; thursday;
  friday; saturday; sunday; january; february; april; june; july; august; september; october;
  november; december; last march; since march; last may; since may; next week; next month; next
  year; next quarter
  """
)
"""Times that a live stream does not have."""

REPLAY = split_phrases(
  """
  replay; replaying; rewind; backfill; then go live; then live; and then live; then continue live;
  and go live; and then go live; then continue; then follow live; catch up; catching up; then keep
  going; then carry on; and continue live; then stream live; then switch to live; and then
  continue; and continue; go live; then the live feed; before going live; then keep streaming;
  starting from
  """
)
"""Words that begin a stream with a replay of the last minutes."""

ALERTS = split_phrases(
  """
  alert me; alert us; notify me; warn me; ping me; ping us; tell me as soon as; let me know; let us
  know; lmk; alert; alerts; notification; notifications; notify; whale alert; whale alerts;
  price alert;
  price alerts; email me; text me; message me; wake me; wake me up; buzz me; signal me; shout; heads
  up; give me a shout; send me an alert; send an alert; alarm; as soon as; the moment; the second;
  once; ping if; ping when; ping on; alert if; alert when; warn if; warn when; notify if; notify
  when; tell if; tell when; beep if; beep when; shout when; shout if; scream if; flag when; flag if
  """
)
"""Wishes to be told; reading/alerts.py has those of the form "send me a mail when"."""

HELP = split_phrases(
  """
  what can you do; what do you do; how does this work; how does it work; who are you; what is
  bond; what are you; what is this; what can i ask; what can i say; which exchanges do you
  support; what exchanges do you support; which coins do you support; which exchanges are
  supported; what coins do you support; what data do you have; which exchanges do you; what
  exchanges do you; which coins do you; what coins do you; which exchanges are; what exchanges
  are; which sources; what sources; do you support; what do you support; what data do you; what
  data is; list exchanges; list sources; list all exchanges; show help; how do i use; how to use;
  how can i use; usage; which symbols; what symbols; which coins are; what coins are; what is
  available; what's available; show examples; give me examples; give me an example; examples;
  which data; what kinds of data; what kind of data; tutorial; documentation; manual; which
  venues; what venues; help
  """
)
"""Questions about Bond itself."""

HELP_WORDS = frozenset(("help", "examples", "usage", "tutorial", "documentation", "manual"))
GREETINGS = frozenset(
  ["hi", "hey", "hello", "gm", "yo", "thanks", "thank", "thx", "ty", "ok", "okay", "please"]
)

EDITS = split_phrases(
  """
  same but; same for; same as; same thing; the same; same; do the same; as before; like before;
  like the last one; like last time; previous stream; last stream; that stream; the stream i; my
  stream; existing stream; current stream; as above; the one before; previous one; last one; that
  one; same again; likewise; ditto
  """
)
"""Words that change an earlier request."""

CONTROL = frozenset(
  split_words(
    """
    stop cancel delete pause resume kill abort quit exit terminate halt
    """
  )
)

ORDER_VERBS = frozenset(
  split_words(
    """
    buy sell purchase short long swap convert send transfer withdraw deposit stake bridge trade
    dca leverage margin hedge liquidate
    """
  )
)
ORDERS = split_phrases(
  """
  trade for me; buy for me; sell for me; can you trade; can you buy; can you sell; place an order;
  place order; place a; limit order; market order; stop loss; take profit; open a position; open a
  long; open a short; close my position; close position; close my; go long; go short; buy the dip;
  should i buy; should i sell; execute a; execute an order; set a stop; trailing stop; buy me;
  sell my; buy some; buy more; sell all; sell everything; put in an order; stop order; buy order
  for; sell order for; create an order; submit an order; move my; withdraw my; transfer my
  """
)
"""Requests to trade."""

GROUPS = split_phrases(
  """
  memecoins; meme coins; altcoins; alts; stablecoins; stables; majors; defi; defi tokens; defi
  coins; layer 1s; layer ones; l1s; l2s; blue chips; shitcoins; ai coins; ai tokens; gaming
  tokens; top coins; top cryptos; top tokens; large caps; small caps; mid caps; the big ones;
  trending coins; trending tokens; gainers; top gainers; losers; top losers; movers; top movers;
  most traded coins; popular coins; major coins; main coins; major cryptos; biggest coins
  """
)
"""Groups of assets; which ones are meant has to be asked."""

LARGE = frozenset(
  split_words(
    """
    whale whales large big huge giant massive sizable sizeable significant
    """
  )
)
SMALL = frozenset(["small", "tiny", "retail"])
