"""What sources of posts share: words that mean an asset, matching, and queues of their readers."""
