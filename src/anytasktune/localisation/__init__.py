"""Messages in the user's language: which language that is, and the catalogue of translations.

The code writes plain English. At the edge, where a message is shown, its English template is found in the catalogue
(`zh/*.json`) and the values of the message are put into the Chinese one. What the catalogue does not know stays English.
Files, JSON output, names, codes and commands are never translated.
"""
