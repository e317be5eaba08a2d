"""Solana's Yellowstone Geyser protocol: its messages (geyser_pb2), and base58."""
