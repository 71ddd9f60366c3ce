"""Clinical questions: operating points, predictive values, net benefit, ROC curves, all by subgroup."""
