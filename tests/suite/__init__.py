"""The launcher of the local suite, the demo page's server, and what `firebase deploy` would upload."""
