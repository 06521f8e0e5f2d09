"""Tests of the emulators, over real HTTP."""
