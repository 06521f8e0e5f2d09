"""A Threads emulator: ``graph.threads.net`` and Threads' authorization window, on this machine.

model               apps, accounts, codes, tokens, containers and posts
delivery            a request to an app
scopes              the permissions
settings            what can be chosen
shortcodes          ids in permalinks
seeds               other people, and what they have published
journal             the requests that were received
errors              every error that Threads answers
answers             scripted answers
causes              what an error with a name acts through
named_errors        the catalogue of errors, each with its name
world               the whole state
outcomes            how the processing of media ends
app_tokens          the tokens of apps
inferred            what is taken although it is not documented
authorization       the rules for codes and tokens
consent             the rules for the authorization window
readers             read a single parameter of a creation
parameters          the table of the parameters of a creation
checks              the rules for a creation as a whole
replies             the rules for replies: order, approval, hiding
publishing          the rules for containers, posts and quotas
asked               reads ``fields=``
fields              shows the fields that were asked for
made_up             made-up numbers
locations           the locations, and their fields
media_fields        the fields of posts
profile_fields      the fields of containers and profiles
limits              the fields of the daily limits
moments             reads dates as ``strtotime`` does
paging              cuts a list into pages
insights            the insights of posts and profiles
discovery           the rules for mentions, search and lookups
oembed              the HTML that embeds a post
deliveries          what waits to be sent to apps, and what was sent
webhooks            the webhooks and their subscription
callbacks           the deauthorize and the data deletion callback
sender              sends deliveries to apps
edge                what every route shares
graph               the routes for profiles, containers and posts
graph_tokens        the routes for tokens
graph_replies       the routes for replies
graph_discovery     the routes for finding and measuring
window              the authorization window
pages               the pages of posts and profiles, and the front page
app_settings        the page on which people remove an app
control             the controls: answers, media, requests, posts
control_people      the controls for apps, accounts, tokens and codes
control_deliveries  the controls for callbacks and webhooks
wire                everything between the socket and the routes
application         puts the routes together
seed_file           reads the accounts and posts to begin with
face                the controls as methods, for tests in the same process
server              serves the emulator
certificates        the certificate authority of the proxy
proxy               the proxy for clients whose address is a constant
pytest_plugin       the fixture of the emulator's own distribution
__main__            the command line

``World`` holds the state. ``serve`` serves it on a port::

    app = App("1000000000000001", "emulator-secret", ("http://127.0.0.1:5001/callback",))
    with serve(World([app])) as emulator:
        requests.get(f"{emulator.url}/v1.0/me", ...)

The emulator never fetches media. It calls apps only at the addresses that they are registered with.
"""

from emulator.threads_api.model import Account, App
from emulator.threads_api.server import Emulator, PortTakenError, serve
from emulator.threads_api.settings import Settings
from emulator.threads_api.world import World

__all__ = ["Account", "App", "Emulator", "PortTakenError", "Settings", "World", "serve"]
