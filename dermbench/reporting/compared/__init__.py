"""A comparison of models as titled tables and sentences."""
