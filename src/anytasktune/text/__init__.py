"""Reading of plain text: scripts, languages, tokens, numbers, JSON values, encodings, personal data."""
