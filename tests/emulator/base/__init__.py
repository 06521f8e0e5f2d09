"""What both emulators share."""
