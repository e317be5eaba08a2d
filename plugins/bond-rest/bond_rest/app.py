"""The application: all routes, and what is answered when something goes wrong."""

from bond_server.doors import Server
from fastapi import FastAPI

from bond_rest.config import RestConfig
from bond_rest.guard import Guard
from bond_rest.routes.errors import add_error_handlers
from bond_rest.routes.questions import add_questions
from bond_rest.routes.recordings import add_replay, add_why
from bond_rest.routes.server import add_server
from bond_rest.routes.streams import add_streams
from bond_rest.store import Store
from bond_rest.streams import Streams


def make_app(
  server: Server, store: Store, streams: Streams, guard: Guard, config: RestConfig
) -> FastAPI:
  """The application, without what stands around it (bond_rest.front)."""
  app = FastAPI(
    title="Bond",
    version="1",
    summary="Streams of live market data, from a spec or from plain English.",
    docs_url=None,
    redoc_url=None,
    # A path has one form: what is answered with a redirect would be sent twice.
    redirect_slashes=False,
  )
  add_error_handlers(app)
  add_streams(app, streams, guard, config)
  add_why(app, server, streams, guard)
  add_questions(app, server.answers, guard)
  add_replay(app, server, guard)
  add_server(app, server, store, streams, guard)
  return app
