"""Which language a stretch of text is in, as far as this program cares: English, Chinese, or neither."""

import re

from anytasktune.records import Language
from anytasktune.text.scripts import HAN, is_in_script

_LEAST_LETTERS = 12
_LEAST_ENGLISH = 0.1
"""Share of the commonest words."""
_ENGLISH = re.compile(
    r"\b(?:the|of|and|to|in|a|is|that|for|it|as|was|with|be|by|on|not|he|this|are|or|his|from|at|which|but|have|an|had|they|you|"
    r"were|their|one|all|we|can|her|has|there|been|if|more|when|will|would|who|so|what|up|out|them|do|does|may|must|shall|your|"
    r"any|our|should|these|those|such|than|into|only|other|about|how|where|after|before)\b"
)
_OTHERS = re.compile(
    r"\b(?:le|la|les|des|et|est|une|dans|pour|qui|que|sur|avec|pas|au|aux|du|ce|der|die|das|und|ist|nicht|ein|eine|den|von|mit|"
    r"auf|für|im|zu|dem|sich|auch|el|los|las|y|en|es|por|con|para|del|una|se|lo|su|il|di|che|per|non|sono|gli|nella|o|os|e|da|em|"
    r"um|uma|não|het|een|van|niet|op|te|zijn|voor|met)\b"
)
"""Of French, German, Spanish, Italian, Portuguese and Dutch."""
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][a-z]+)?")
_KANA_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
_HAN = re.compile(f"[{HAN}]")


def language_of(text: str, usual: Language | None = None) -> Language | None:
    """The language of `text`.

    By script, then by the commonest words. `usual` is the language of the document around it: it decides where a stretch in the
    right script has too few words to tell, such as a table.
    """
    han = len(_HAN.findall(text))
    if len(_KANA_HANGUL.findall(text)) > 0.1 * (han + 1):
        return None
    if han and is_in_script(text, "zh"):
        return "zh"
    words = _WORD.findall(text)
    if sum(map(len, words)) < _LEAST_LETTERS:
        return usual if han or words else None
    if not is_in_script(text, "en"):
        return None
    small = text.lower()
    english, others = len(_ENGLISH.findall(small)), len(_OTHERS.findall(small))
    if english > others and english >= _LEAST_ENGLISH * len(words):
        return "en"
    return "en" if usual == "en" and others <= english else None
