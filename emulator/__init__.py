"""The local suite: stand-ins for outside services, and the demo page.

base         what both emulators share
threads_api  the Threads emulator
cloud_tasks  the Cloud Tasks emulator
suite        starts everything: these two, Firebase's emulators, the functions and the demo page
app          the demo page's files

Nothing here imports from ``threads/``: an emulator that shared code with the service would agree with its
mistakes.
"""
