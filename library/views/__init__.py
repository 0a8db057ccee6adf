"""The page of models and its forms."""
