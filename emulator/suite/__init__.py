"""Starts the local suite: emulators of Firebase, Threads and Cloud Tasks, the functions, and the console.

command        what ``python -m emulator`` does
suite          starts the services, watches them and ends them
addresses      where the services listen, and the names that they share
commands       the command and the environment of each service
scheduler      calls the functions that have a schedule, as Cloud Scheduler does
forward        lets days pass in a running suite
probe          asks a service for an answer, and quotes its log
family         keeps the processes of a suite together
ports          chooses the ports, and checks that they are free
terminal       writes to the terminal
function_log   shows each request of the functions as one line
app_server     serves the console
journals       collects what the parts of the suite have written down about their calls
trouble        lets things go wrong at Threads, and lets time pass
pages          shows the pages of docs/ in a browser
local_secrets  keeps the secrets of the local suite
java           finds a Java for the Firebase CLI
firestore_jar  finds the Firestore emulator
paths          where the project's files are

``new_connections.cjs`` is loaded into the Firebase CLI.
"""
