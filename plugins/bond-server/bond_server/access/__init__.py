"""Access: signed URLs, API keys, origins and limits. Nothing here opens a socket."""
