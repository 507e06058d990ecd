"""Small language models tuned on exactly the sub-tasks of your work (the Task-Fine-Tune method of arXiv 2407.07094)."""

__version__ = "0.1.0"
