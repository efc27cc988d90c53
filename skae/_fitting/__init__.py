"""From rows to a fitted network."""
