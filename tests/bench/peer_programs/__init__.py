"""Programs that others wrote, and the few lines with which each does what a function of ours does.

``make bench`` installs them when it first needs them, into ``.emulator/peers``. ``make setup`` does not.
Their versions are locked here.
"""
