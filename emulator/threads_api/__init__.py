"""A Threads emulator: ``graph.threads.net`` and Threads' authorization window, on this machine.

model               apps, accounts, codes, tokens, containers, posts and deliveries
scopes              the permissions
settings            what can be chosen
journal             the requests that were received
errors              every error that Threads answers
answers             scripted answers
causes              what an error with a name acts through
named_errors        the catalogue of errors, each with its name
world               the whole state
outcomes            how the processing of media ends
authorization       the rules for codes and tokens
readers             read a single parameter of a creation
parameters          the table of the parameters of a creation
checks              the rules for a creation as a whole
publishing          the rules for containers, posts and quotas
paging              cuts a list into pages
fields              what ``fields=`` may ask for
deliveries          what waits to be sent to apps, and what was sent
webhooks            the webhooks and their subscription
callbacks           the deauthorize and the data deletion callback
sender              sends deliveries to apps
edge                what every route shares
graph               the routes of the API
window              the authorization window
pages               the pages of posts and profiles, and the front page
app_settings        the page on which people remove an app
control             the controls: answers, media, requests, posts
control_people      the controls for apps, accounts, tokens and codes
control_deliveries  the controls for callbacks and webhooks
wire                everything between the socket and the routes
application         puts the routes together
server              serves the emulator
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
