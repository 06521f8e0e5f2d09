"""What the service relies on at Threads: as checks, and by the errors that have a name."""
