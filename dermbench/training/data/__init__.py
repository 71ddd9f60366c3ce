"""The images of a run: its splits without test, cached pixels, folds, groups, sampling and augmentation."""
