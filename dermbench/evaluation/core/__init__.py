"""What everything here is computed from: samples, groups, tallies, and metrics with their registry."""
