"""The pieces of a request's text: tokens, known phrases among them, and chunks with a role."""
