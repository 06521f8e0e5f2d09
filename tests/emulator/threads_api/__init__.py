"""The Threads emulator."""
