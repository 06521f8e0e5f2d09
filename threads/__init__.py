"""The backend that connects people's Threads accounts to an app and publishes to them.

Imports go one way, from the first line to the last:

    errors, wire                                   words that everything speaks
    scopes, texts, config, return_to, authorization, pkce,
    signed_request,
    failures, graph, oauth, containers, tokens, accounts,
    webhook,
    option_values, options, thread_values,
    posts, ledger                                  pure: no I/O, no clock, no environment
    documents                                      what the next line's two share of Firestore
    store, records,
    client, tasks, identity, users, vault          one outside system each
    tools                                          the outside world as one value
    auth_start, auth_exchange, auth_link,
    auth_callback, auth_finish,
    account_graph, refresh, sweep,
    access, claims, holding,
    children, deliver, chain, publish,
    rehearse, manage, notices,
    settings, disconnect, forget                   the stories, given their tools as arguments
    call, answer, edge, service,
    connecting, publishing, managing,
    refreshing, meta, app                          HTTP, and the one place that wires
    reseal                                         a command of its own
"""
