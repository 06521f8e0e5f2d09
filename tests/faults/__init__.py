"""The proof that one request becomes one post: faults, crashes and duplicates by the ten thousand."""
