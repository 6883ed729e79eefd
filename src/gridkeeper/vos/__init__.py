"""Virtual organisations, and which services support them."""
