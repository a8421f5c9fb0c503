"""Benchmarks: each a small script, all of them run and written down by ``python -m bench`` (``make bench``).

``suite`` lists the benches and how each is run, ``clips`` makes what they are run on, ``results`` keeps what
they found, ``targets`` says what it has to be, and ``report`` writes docs/benchmarks.md from that.
"""
