"""GOCDB's programmatic interface: the feeds and the write API that its clients know, answered from our registry."""
