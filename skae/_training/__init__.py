"""The loop around skorch: from batches to trained weights."""
