"""docs/benchmarks.md: prose that is written by hand, and blocks in it that are made from what benches found.

A block lies between two comments, ``begin:NAME`` and ``end:NAME``. ``document`` fills them, from ``summary``
(the table of targets), ``sections`` (each bench's own table) and ``plots``.
"""
