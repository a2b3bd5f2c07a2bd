"""Real servers for the tests: those that the environment names, else ones of our own on free ports.

`python -m tests.servers COMMAND …` starts them once for a whole run; a test that is run alone starts what
it needs. Each is in a folder of its own, listens on loopback only, and is stopped in the end.
"""
