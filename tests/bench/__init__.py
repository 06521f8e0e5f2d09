"""What the functions cost, each figure beside something else that was measured in turn: ``make bench``.

Absolute times depend on the machine. A ratio of two things that take turns says something on any machine. So
each figure has something to compare with, its spread, and only in brackets what it was here.

* ``cold``: the first answer of a new process, beside an empty function and beside ``floor``
* ``warm``: requests one after the other, beside the calls to Threads that they need
* ``load``: many requests at once: CPU time, memory
"""
