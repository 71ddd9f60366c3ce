"""Patterns for English sentences that state a class, and for sentences that decline, doubt or take back.

They apply to the text of :func:`~dermbench.artifacts.answer_names.plain_text` with class names marked. A sentence
that matches no pattern is never read as a class.
"""

from __future__ import annotations

import re

from dermbench.artifacts.answer_names import CLOSE, NEGATED, OPEN

FEWEST_WORDS = 4
"""A shorter sentence after a bare class name may be a further diagnosis."""
_CLASS = f"{OPEN}(?P<number>\\d+){CLOSE}"
_NO_CLASS = f"[^{OPEN}{CLOSE}{NEGATED}]"
_ADJECTIVES = r"(?:(?:given|provided|shown|uploaded|attached|pictured|depicted|above)\s+)*"
_THING = (
    r"(?:(?:skin|dermoscopic|dermatoscopic|clinical)\s+)?(?:image|photo|photograph|picture|lesion|condition|rash|"
    r"finding|growth|spot|mole|disease|patch|case)"
)
_WHERE = r"(?:\s+in\s+(?:the|this)\s+(?:image|photo|picture))?"
_SUBJECT = rf"(?:(?:the|this|your|that)\s+{_ADJECTIVES}{_THING}{_WHERE}|this|it|that)"
_LIKELY = (
    r"(?:(?:very|highly|quite|most)\s+)?(?:likely|probable|probably|consistent with|characteristic of|typical of)"
    r"|almost certainly|clearly|definitely|certainly"
)
_FILL = rf"(?:(?:{_LIKELY}|a|an|the|a case of|an example of)\s+)*"
_OPTION = r"(?:(?:option\s+)?\(?[a-h][.):]\)?\s*)?"
_SEEMS = (
    r"(?:is|appears|seems|appears to be|seems to be|appears to show|looks like|looks to be|shows|depicts|displays|"
    r"represents|is classified as|belongs to)"
)
_LESION = rf"(?:shows|depicts|displays|is)\s+an?\s+{_THING}(?:\s+that\s+(?:is|appears|looks))?(?=\s+(?:{_LIKELY}))"
_SAYS = rf"(?:(?:{_LIKELY})\s+)?(?:{_LESION}|{_SEEMS})"
_RANK = r"(?:(?:the|my|final|primary|main|most likely|likely|probable|best|predicted|correct|overall)\s+)*"
_LABEL = rf"{_RANK}(?:diagnosis|answer|classification|class|label|prediction)"
_COLON = r"\s*(?::|=|->|\u2192)\s*"
_IS = r"(?:\s+(?:here|for this image|of this lesion|in this image))?\s+(?:is|would be)\s*:?\s+"
_OPENER = (
    r"(?P<opener>(?:(?:based on|given|from|judging by|looking at|considering|according to|upon)\b"
    rf"{_NO_CLASS}{{1,200}},"
    r"|(?:therefore|thus|so|hence|overall|in conclusion|in summary|in my opinion|conclusion|yes|sure|certainly|ok|"
    r"okay)\s*[,:])\s*)?"
)
_CUE = (
    r"(?:(?:(?:i think|i believe|i would say|i'd say)\s+(?:that\s+)?)?"
    rf"(?:{_SUBJECT}\s+{_SAYS}|(?:it|this|that)'s)\s+"
    rf"|(?:i think|i would say|i'd say)\s+(?=(?:{_LIKELY})|an?\s|{OPEN})"
    rf"|(?:i would|i'd|i will|i)\s+(?:classify|diagnose|label)\s+(?:{_SUBJECT})\s+as\s+"
    rf"|(?:looks like|appears to be|seems to be|(?:most\s+)?consistent with)\s+"
    rf"|(?:the|this) patient\s+(?:(?:{_LIKELY})\s+)?has\s+|{_LABEL}(?:{_COLON}|{_IS}))"
)
_NOUN = r"(?:\s+(?:skin\s+)?(?:lesion|growth|tumou?r|neoplasm|condition|disease|mole))?"
CONFIDENCE = re.compile(
    r"\(?(?:with\s+)?(?:an?\s+)?(?:(?:high|moderate|medium|low)\s+(?:confidence|certainty)|"
    r"(?:my\s+)?(?:confidence|certainty)(?:\s+(?:level|score))?\s*(?:of|is|:|=)?\s*(?:\d+(?:\.\d+)?\s*%?|high|medium|"
    r"moderate|low)|\d+(?:\.\d+)?\s*%\s+(?:confidence|certainty|confident|sure))\)?"
)
_PLACE = (
    r"(?:elbow|arm|forearm|hand|palm|finger|nail|leg|thigh|knee|shin|foot|feet|sole|toe|face|cheek|nose|forehead|ear|"
    r"scalp|neck|back|chest|trunk|abdomen|shoulder|skin|body)"
)
_ASIDE = (
    r"(?:to me|to my eye|here|in this (?:image|case|photo)|"
    rf"(?:on|of)\s+(?:(?:the|a|an|this|patient's|left|right|upper|lower)\s+)*{_PLACE}s?)"
)
_PARENTHESIS = rf"\s*\([^()\d{OPEN}{CLOSE}{NEGATED}]*\)?"
_TAIL = (
    rf"(?P<tail>(?:\s*,?\s+(?:because|since|due to|given|based on|as indicated by|as shown by|as evidenced by|"
    rf"characteri[sz]ed by|with)\s{_NO_CLASS}*|,\s+(?:a|an|which)\s{_NO_CLASS}*|\s+-\s+{_NO_CLASS}*"
    rf"|{_PARENTHESIS})?)"
)
_SHORT_TAIL = rf"(?P<tail>(?:,\s+because\s{_NO_CLASS}*|,?\s+based on\s{_NO_CLASS}*|{_PARENTHESIS})?)"
_AFTER = (
    rf"{_NOUN}(?:\s+{_ASIDE})?(?:\s*\(icd\b[^()]{{0,20}}\))?(?:\s*[,-]?\s*{CONFIDENCE.pattern})?"
    rf"(?:\s*[,(]?\s*{NEGATED}\)?)?"
)
STATEMENT = re.compile(rf"{_OPENER}{_CUE}{_FILL}{_OPTION}{_CLASS}{_AFTER}{_TAIL}", re.DOTALL)
"""A sentence that states a class, with ``number``, ``opener`` and ``tail``."""
BARE = re.compile(rf"{_OPENER}{_OPTION}{_FILL}{_CLASS}{_AFTER}{_SHORT_TAIL}", re.DOTALL)
"""A class name by itself; it states a class only at the beginning of an answer."""
EXPLICIT = re.compile(rf"^{_OPENER}{_LABEL}(?:{_COLON}|{_IS})", re.DOTALL)
"""The beginning of a sentence that says what the answer is."""
LABELLED = re.compile(rf"^{_LABEL}{_COLON}", re.DOTALL)
SET_ASIDE = re.compile(r"^(?:possible\s+)?differentials?\b[^:]{0,40}:\s*\S")
"""A line of alternatives, which are not the answer."""
NO_LEAD_IN = re.compile(
    r"\b(?:examples?|e\.g\.|such as|format|questions?|users?|q|lie|suppose|assume|imagine|pretend)\b"
)
"""Words around a JSON object which show that it is not the answer."""
DOUBT = re.compile(
    r"\?|n't\b|\b(?:not|no|non|none|never|cannot|or|vs|versus|but|however|although|though|unless|if|could|might|may|"
    r"possibl[ey]|rul(?:e|ed|ing)|exclud\w*|unlikely|uncertain|unclear|unsure|differential\w*|alternativ\w*|mimic\w*|"
    r"resembl\w*|doubt\w*|wrong|incorrect|instead|rather|maybe|perhaps|suspici\w*|suspect\w*|either|neither|nor|false|"
    r"negative|absen\w*|zero|low|less|except|actually|considered|history|more|former\w*|previous\w*|resolved|healed|treated|"
    r"past|correct\w*|replaced|made up|kidding|joking|jokes?)\b"
)
"""Words of doubt in the text around a class."""
WEAKENED = re.compile(
    r"n't\b|\b(?:not|cannot|unlikely|exclud\w*|rul(?:e|ed|ing) out|doubt\w*|versus|vs|instead|wrong|against|or|"
    r"rather)\b"
)
"""Words of another sentence about the stated class that contradict it."""
TAKEN_BACK = re.compile(
    r"\b(?:actually|wait|correction|apologi[sz]e|apologies|wrong|mistake|mistaken|incorrect|scratch that|"
    r"second thought|on reflection|reconsider\w*|disregard|changed my mind|hmm|kidding|joking|edit|updated?|"
    r"revis\w*)\b"
)
"""Words that take back what was stated before."""
DOUBTED_LATER = re.compile(
    r"\b(?:however|but|although|though|alternatively|unless|instead|unsure|uncertain|not (?:sure|certain|clear)|"
    r"(?:cannot|can't|could not) (?:be (?:sure|certain|excluded|ruled out)|exclude|rule out)|could also|"
    r"might also)\b"
)
"""Words that weaken an earlier statement, unless the sentence only advises to see a doctor."""
ADVICE = re.compile(
    r"\b(?:dermatolog\w*|doctors?|physicians?|clinicians?|professionals?|biops\w*|medical|healthcare|specialists?)\b"
)
_CANNOT = (
    r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to|"
    r"must decline to|decline to|am not allowed to|'m not allowed to)"
)
_DO = (
    r"(?:provide|give|offer|make|diagnos\w*|determine|identify|help|assist|analy[sz]e|classify|assess|comply|answer|"
    r"interpret|evaluate|confirm|say|tell|comment|process|view|see|fulfil|recommend|predict)"
)
REFUSED = re.compile(
    rf"\bi\s?{_CANNOT}\s+(?:\w+\s+){{0,3}}?{_DO}\b|\bunable to (?:\w+\s+)?{_DO}\b"
    r"|\bas an? (?:ai|artificial|language model)\b"
    r"|\bi(?: am|'m) (?:just |only )?(?:an ai|a language model|not (?:a|an|qualified|licensed|able))\b"
    r"|\b(?:against|violates) (?:my|the|our) (?:policy|policies|guidelines)\b"
)
"""An answer that declines."""
WEAK_REFUSAL = re.compile(
    r"\b(?:consult|see|seeing|visit|contact|seek|speak|talk)\b[^.]{0,60}\b(?:dermatologist|doctor|physician|professional|"
    r"healthcare provider|medical advice|medical attention)\b"
)
"""Advice to see a doctor; it declines if the answer names no class."""
