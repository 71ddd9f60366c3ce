"""Quality of the probabilities: confidence, reliability, abstention."""
