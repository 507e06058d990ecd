"""What a person sees next of the candidates, what was said of them, and how far people agree."""
