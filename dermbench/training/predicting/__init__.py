"""What can be predicted with, and what is made of several predictions."""
