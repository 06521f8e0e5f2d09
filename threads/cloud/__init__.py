"""Google's side: Firestore, Cloud Tasks, Firebase users.

firestore  what every access to Firestore shares: paths, deadlines, errors
tasks      creating and deleting tasks in Cloud Tasks
users      the users of Firebase Authentication who sign in with Threads
"""
