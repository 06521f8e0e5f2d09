"""The launcher of the local suite, the console's server, and what `firebase deploy` would upload."""
