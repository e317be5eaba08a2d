"""Figures that would have to be computed from the data, and that no source or transform has."""

from bond_english.words import split_phrases

OPERATORS = split_phrases(
  """
  ratio; ratios; ratio of; ratio between; difference; differences; difference between; diff; delta
  between; gap between; divided by; minus; subtracted from; less the; multiplied by; times the;
  correlation; correlations; covariance; cheapest; most expensive; highest; lowest; best price;
  best prices; worst price; biggest gainers; fastest; sum of; product of; standard deviation;
  stdev; std dev; variance; z score; zscore; percentile; rank; ranking; ranked; sorted; sort by;
  order by; group by; grouped by; compared to yesterday; relative to; deviation; outliers;
  anomalies; anomaly; trend; trends; predict; high and low; highs and lows; high; low; highs; lows;
  maximum of; minimum of; cumulative; count; counts; median; mean of; percentage change; net;
  max; min; maximum; minimum; high low; arbitrage; arb; arb spread; arbitrage spread; arb
  opportunities; price gap; spread between;
  discount; premium; premia; slippage; market impact; cross exchange spread; price difference;
  price differences; implied move; volume profile
  """
)
"""What stands for a computation. Left out, the rest would be another stream than the one that is
asked for; so it is asked about."""
