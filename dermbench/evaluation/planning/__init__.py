"""Planning: what a test set can show, and how large one must be, by simulating the protocol itself."""
