"""A federation on loopback: an address of 127.0.0.0/8 per site, real listeners, injected faults."""
