"""The functions as Cloud Run runs them, against the emulators: Auth, Firestore and Threads."""
