"""Planning: what a test set can show, and how large it must be, by simulating the protocol."""
