"""A connected account: its document, its card, its sealed token, and how the token is refreshed.

account         a stored account, and which one a request means
summary         the document that the web app renders: one card for each account
connection      what a new connection writes
changes         what other events write: a refresh, a dead token, a disconnection
repository      accounts and summaries in Firestore
vault           sealing and opening tokens
access_token    an account with its token opened
token_lifetime  how long a token lives, and when it is refreshed
refresh         refreshing the token of one account
profile         reading an account's profile again, after a refresh
sweep           refreshing all tokens that are due, once an hour
reseal          a command: seal every token with the newest key
parts           the objects that this package works with
"""
