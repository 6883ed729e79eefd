"""Which sites are good for a VO, and why the others are not."""
