"""The Cloud Tasks emulator."""
