"""A training run: its folder, steps, epochs, checkpoints and messages."""
