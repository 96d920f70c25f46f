"""The pictures of the agent: what they show, as values; how they are drawn, and how they read in a terminal.

Only `values` and `text` are cheap to import; every other module but `palette` and `painter` loads matplotlib.
"""
