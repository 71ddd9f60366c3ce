"""Images of a run: splits without test, cached pixels, folds, groups, sampling and augmentation."""
