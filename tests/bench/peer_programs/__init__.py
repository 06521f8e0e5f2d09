"""Programs that others wrote, and the few lines with which each does what a function of ours does.

``make bench`` installs them with the first measurement that needs them, into ``.emulator/peers``. Nothing else
uses them, and ``make setup`` does not install them. What is installed is locked here.
"""
