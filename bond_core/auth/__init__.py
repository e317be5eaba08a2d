"""Who may read what: signed URLs, API keys, origins and limits.

A server makes a `Chain` (chain.py) of authenticators and asks it about the `Credentials`
(credentials.py) of each caller. The answer is a `Principal`, which says what may be read and for
how long. Nothing here opens a socket.
"""
