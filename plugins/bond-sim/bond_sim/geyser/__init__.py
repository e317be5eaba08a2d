"""A simulated Solana node with the Yellowstone Geyser plugin: a generated chain over gRPC."""
