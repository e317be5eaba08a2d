"""What clients and the broker say to each other, as bytes and plain values. No I/O."""
