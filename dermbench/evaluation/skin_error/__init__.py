"""The primary gap corrected for errors in the skin types: a sensitivity analysis."""
