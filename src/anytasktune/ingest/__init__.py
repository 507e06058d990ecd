"""Documents to passages: text that can be walked back to its page."""
