"""Generated and recorded markets, whatever the venue that publishes them."""
