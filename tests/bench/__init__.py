"""What the functions cost: ``make bench``. docs/performance.md has the last figures, and how to read them.

Absolute times depend on the machine. A ratio of two things that take turns says something on any machine. So
each figure has something to compare with, its spread, and beside them what it was here.

* ``counts``: documents and calls of each request
* ``growth``: how they grow with what lies around a request
* ``cold``: the first answer of a new process, beside an empty function and beside ``floor``
* ``warm``: requests one after the other, beside the calls to Threads that they need
* ``load``: many requests at once: CPU time, memory
* ``peers``: connecting and publishing, beside what others install for it
"""
