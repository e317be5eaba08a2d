"""The messages of the interface: `geyser.proto` and what protoc makes of it."""
