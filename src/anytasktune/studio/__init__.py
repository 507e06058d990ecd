"""The studio: pages on this machine over the functions of `pipeline`, in English and Chinese."""
