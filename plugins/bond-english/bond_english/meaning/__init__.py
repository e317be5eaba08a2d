"""What each piece of a request is in its place, and what belongs to what.

A pass takes the request and the findings; it changes roles, values and facts of chunks, and reports
what has to be asked or said. parsing.py has their order.
"""
