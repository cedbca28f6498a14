"""What is shown, one module per audience."""
