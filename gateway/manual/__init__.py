"""What can be typed, and the `--help` that teaches it: a file for each family of commands, which `gateway.cli` puts in a list.

Each command stands in one piece: what it is for, and its arguments. Nothing here does any of it or brings in what does.
"""
