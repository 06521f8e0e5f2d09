"""The backend that connects people's Threads accounts to an app and publishes to them.

Imports go one way, down these floors; packages on one floor do not import each other:

    app              puts the real parts together, and says who may call each function
    functions        HTTP begins and ends here: who is calling, what was sent, what is answered
    publishing       one request becomes one post          connections   how an account comes and goes
    posts            a post as a thing                     accounts      a connected account as a thing
    graph            Meta's side: the Threads API          cloud         Google's side: Firestore, Cloud Tasks
    base             words that every other package uses

Each package's docstring lists its modules. ``tests/unit/test_architecture.py`` has the same as a table.
"""
