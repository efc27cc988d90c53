"""Tables whose columns are not all numbers: read, encoded, and given back."""
