"""The Autobahn test suite against Bond's websocket code: `tox -e autobahn`."""
