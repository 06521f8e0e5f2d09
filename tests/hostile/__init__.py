"""Requests that nobody should send, in great numbers: whatever comes, the answer is planned."""
