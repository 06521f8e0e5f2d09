"""Stand-ins for outside services, on this machine; nothing in here imports from ``threads/``.

What is built and tested against these must not be able to agree with them by sharing code.
"""
