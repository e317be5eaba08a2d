"""WebSockets: a client on trio, and the fast frame reader."""
