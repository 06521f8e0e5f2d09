"""The local suite: stand-ins for outside services, and the console.

base         what both emulators share
threads_api  the Threads emulator
cloud_tasks  the Cloud Tasks emulator
suite        starts everything: these two, Firebase's emulators, the functions and the console
app          the console's files

Nothing here imports from ``threads/``: an emulator that shared code with the service would agree with its
mistakes.
"""
