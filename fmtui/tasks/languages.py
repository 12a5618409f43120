"""Languages by the names that columns and files give them: `en`, `eng`, `en-US`, `eng_Latn`."""

from __future__ import annotations

import re

_CODES = """
aa aar ab abk ae ave af afr ak aka am amh an arg ar ara as asm av ava ay aym az aze ba bak be bel
bg bul bi bis bm bam bn ben bo bod br bre bs bos ca cat ce che ch cha co cos cr cre cs ces cu chu
cv chv cy cym da dan de deu dv div dz dzo ee ewe el ell en eng eo epo es spa et est eu eus fa fas
ff ful fi fin fj fij fo fao fr fra fy fry ga gle gd gla gl glg gn grn gu guj gv glv ha hau he heb
hi hin ho hmo hr hrv ht hat hu hun hy hye hz her ia ina id ind ie ile ig ibo ii iii ik ipk io ido
is isl it ita iu iku ja jpn jv jav ka kat kg kon ki kik kj kua kk kaz kl kal km khm kn kan ko kor
kr kau ks kas ku kur kv kom kw cor ky kir la lat lb ltz lg lug li lim ln lin lo lao lt lit lu lub
lv lav mg mlg mh mah mi mri mk mkd ml mal mn mon mr mar ms msa mt mlt my mya na nau nb nob nd nde
ne nep ng ndo nl nld nn nno no nor nr nbl nv nav ny nya oc oci oj oji om orm or ori os oss pa pan
pi pli pl pol ps pus pt por qu que rm roh rn run ro ron ru rus rw kin sa san sc srd sd snd se sme
sg sag si sin sk slk sl slv sm smo sn sna so som sq sqi sr srp ss ssw st sot su sun sv swe sw swa
ta tam te tel tg tgk th tha ti tir tk tuk tl tgl tn tsn to ton tr tur ts tso tt tat tw twi ty tah
ug uig uk ukr ur urd uz uzb ve ven vi vie vo vol wa wln wo wol xh xho yi yid yo yor za zha zh zho
zu zul
"""
_SHORT = dict(zip(_CODES.split()[1::2], _CODES.split()[::2], strict=True))
"""ISO 639-3 to 639-1."""

_OTHERS = {
    "ger": "de", "fre": "fr", "dut": "nl", "chi": "zh", "cze": "cs", "rum": "ro", "gre": "el",
    "slo": "sk", "ice": "is", "wel": "cy", "baq": "eu", "per": "fa", "alb": "sq", "arm": "hy",
    "cmn": "zh", "arb": "ar", "pes": "fa", "zsm": "ms", "lvs": "lv", "khk": "mn", "swh": "sw",
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it",
    "portuguese": "pt", "dutch": "nl", "romanian": "ro", "russian": "ru", "chinese": "zh",
    "japanese": "ja", "korean": "ko", "arabic": "ar", "turkish": "tr", "polish": "pl",
    "czech": "cs", "hindi": "hi", "swedish": "sv", "danish": "da", "finnish": "fi",
    "greek": "el", "hungarian": "hu", "ukrainian": "uk", "vietnamese": "vi", "hebrew": "he",
}  # fmt: skip
"""ISO 639-2's bibliographic codes, members of macrolanguages that corpora use, English names."""

_SCRIPT_OR_COUNTRY = re.compile(r"[-_](?:[A-Za-z]{4}|[A-Za-z]{2}|[0-9]{3})$")


def code_of(name: str) -> str | None:
    """The ISO 639-1 code of the language that a column's name means, None where it means none.

    The name may say more before a point, `_` or `-`: `translation.en`, `source_en`, `text-de`.
    """
    words = (name, *(name.rpartition(mark)[2] for mark in "._-"))
    for word in words:
        base = _SCRIPT_OR_COUNTRY.sub("", word).lower()
        known = _SHORT.get(base) or _OTHERS.get(base)
        if known or base in _SHORT.values():
            return known or base
    return None
