"""Who is told what happens in the registry, by mail or webhook; once per event and person."""
