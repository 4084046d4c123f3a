"""The commands: a file for each, whose `run` does it and gives the exit code, and what several of them share.

`gateway.cli` lists the commands, `gateway.manual` knows what can be typed after them, and a command's file is brought in only
when it is run: whoever asks for help, or a running gateway for an answer, does not wait for machinery that stays unused.
"""
