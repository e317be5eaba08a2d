"""A request that cannot be served."""

from bond_broker.protocol.messages import CloseCode


class BadRequest(ValueError):
  """A client's message that cannot be served; its text is the sentence that the client receives."""

  def __init__(
    self,
    message: str,
    *,
    code: int = CloseCode.BAD_REQUEST,
    name: str = "bad_request",
    retryable: bool = False,
    request_id: object = None,
  ) -> None:
    super().__init__(message)
    self.code = int(code)
    self.name = name
    self.retryable = retryable
    self.request_id = request_id
