"""A generated market, whatever the venue that tells of it."""
