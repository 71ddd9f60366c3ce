"""What the probabilities are worth: confidence, reliability, abstention."""
