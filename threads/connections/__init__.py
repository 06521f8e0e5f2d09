"""How an account comes and goes: start, callback, confirmation, sign-in, disconnecting, data deletion.

start       writing a state, and the URL of the authorization window
callback    th_auth_callback: the browser comes back from the window
pending     a code that waits until the app confirms the connection
finish      the app confirms a connection or a sign-in
exchange    from a code to a stored account
disconnect  the end of an account: its token, its posts, its document
deletion    data deletion: Meta asks the service to forget an account
states      states, pending connections and deletions as values
repository  states, pending connections and deletions in Firestore
return_to   where the browser goes after the window
pkce        the proof that the page that finishes a sign-in also began it
parts       the objects that this package works with
"""
