"""Networks, their weights, features and probabilities, and files of tensors."""
