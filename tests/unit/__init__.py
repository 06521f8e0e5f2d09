"""The package ``threads``, module by module; everything else is this machine's loopback."""
