"""The public functions: they take paths, data frames or artifacts, and return results.

The command line calls the same functions, so both give the same results.
"""
