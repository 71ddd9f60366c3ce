"""A training run: its folder, steps, epochs, checkpoints and what it says."""
