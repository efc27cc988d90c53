"""The torch module, its specification, and inference."""
