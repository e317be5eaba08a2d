"""A recording on the routes of a live server."""
