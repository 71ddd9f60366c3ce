"""Configuration of a run: options, device, processes and seeds."""
