"""What each piece of a request is by itself: spelling, then tagging by form and name.

Each reader `…_at(tokens, first)` returns the chunk that begins at a position, or None.
"""
