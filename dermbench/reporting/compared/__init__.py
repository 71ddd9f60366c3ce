"""Show a comparison of models as titled tables and sentences."""
