"""What both emulators share.

clock        the emulator's time: it can be frozen and put forward
settings     how settings are checked and changed
world        the clock, the settings and the address of an emulator
json_body    reads the JSON object of a control request
control      the controls that both emulators have
command      the command line of an emulator
http_server  serves an emulator over HTTP
http_client  sends requests that have a deadline
"""
