"""Reading of plain text: scripts, tokens, encodings, numbers, personal data."""
