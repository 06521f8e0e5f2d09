"""Meta's side: the Threads API as values, its errors as one table, its signatures, the one client.

protocol        requests and replies as values
client          the one HTTP client
error_codes     what each error of Threads means, as one table
oauth           the authorize URL, and the calls that turn a code into a token
media           the calls that create, watch and publish a container, and the calls about posts
shown           names and addresses, bounded where they come in
account_api     the calls of one account, with its token
signed_request  what Meta signs when a user removes the app or asks for data deletion
webhook         the handshake, the signature and the events of the webhook
"""
