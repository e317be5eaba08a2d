"""The answer to what cannot be done."""

from bond_broker.messages import CloseCode


class BadRequest(ValueError):
  """A message that cannot be done, with the sentence that the client is sent."""

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
