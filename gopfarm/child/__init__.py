"""Running work that may crash, hang or be attacked in a process of its own.

The child gets a function's name, a request, the bytes of a source and a scratch folder; it gives back events
and a result. It has no credentials, opens no network connection and is told no address: its parent moves
the bytes.

A process that has children uses ``parent`` (running one), ``limits`` and ``ready``. Nothing is loaded with
this package: the fork server and its children shall be small, and need neither settings nor logs.
"""
