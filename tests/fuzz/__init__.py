"""Hostile inputs, made from a seed, for the real commands: every one must end as the program says that commands end.

    python -m tests.fuzz --inputs 10000 --seed 1

prints how many inputs of each family ended in which way; `test_fuzz.py` is the short form and holds the smallest
form of inputs that once ended otherwise.
"""
