"""The grammar: which readings of the spans of a request fit each other, and the clauses they make.

A clause is one thing that is asked for: BTC perp trades over $1m on okx. productions.py says what
may follow what and how well it fits, chart.py finds the best ways through a whole request.
"""
