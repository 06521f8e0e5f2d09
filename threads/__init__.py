"""The backend that connects people's Threads accounts to an app and publishes to them.

Imports go one way, from the first line to the last:

    errors, wire                                   words that everything speaks
    scopes, texts, config, return_to, authorization,
    failures, graph, oauth, containers, accounts,
    option_values, options, thread_values,
    posts, ledger                                  pure: no I/O, no clock, no environment
    documents                                      what the next line's two share of Firestore
    store, records,
    client, tasks, identity, vault                 one outside system each
    tools                                          the outside world as one value
    auth_start, auth_callback,
    access, claims, account_graph, holding,
    children, deliver, chain, publish,
    rehearse, manage                               the stories, given their tools as arguments
    call, answer, edge, service,
    connecting, publishing, app                    HTTP, and the one place that wires
"""
