"""Device, precision, threads and memory."""
