"""Google's side: Firestore, Cloud Tasks, Firebase users.

firestore  what every access to Firestore shares: deadlines, errors (each repository names its own paths)
clock      the time by Firestore's clock
tasks      creating and deleting tasks in Cloud Tasks
users      the users of Firebase Authentication
"""
