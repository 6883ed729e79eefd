"""Facts in flight: the durable inbox between whoever observes and the lake."""
