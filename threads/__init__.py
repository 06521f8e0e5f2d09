"""The backend that connects people's Threads accounts to an app and publishes to them.

Imports go one way, from the first line to the last:

    errors, wire                                   words that everything speaks
    scopes, config, return_to, authorization, graph,
    oauth, containers, accounts, posts             pure: no I/O, no clock, no environment
    client, store, identity, vault                 one outside system each
    tools                                          the outside world as one value
    auth_start, auth_callback, publish             the stories, given their tools as arguments
    call, answer, edge, app                        HTTP, and the one place that wires
"""
