"""What X may be, and its rows in blocks and batches."""
