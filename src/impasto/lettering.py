"""A font for some words, and words for a font: names of files hold letters that not every font has.

Pillow brings a font of little more than ASCII; the systems bring larger ones. What none of them has is spelled out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
OWN = ""  # Pillow's own font, which is the same on every machine
# Where systems have them, in the order in which they are asked for; the later ones are for East Asian letters.
FACES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "segoeui.ttf",
    "Arial Unicode.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
)
PROBE = 24  # pixels: large enough that no letter looks like the box for a lacking one
NOBODYS = "\U0010ffff"  # stands for nothing, so that a font shows what it shows for what it lacks
UNSEEN = ("Cc", "Cf", "Cs", "Me", "Sk")  # categories of characters that say nothing by themselves


@cache
def font(size: int, face: str = OWN) -> Font:
    """Unpacked once for each size."""
    return ImageFont.truetype(face, size) if face else ImageFont.load_default(size)


def lettered(text: str) -> tuple[str, str]:
    """The text as it can be shown, and the face that shows it: the one that lacks the fewest of its letters, and none
    of ASCII, in which all others can be spelled."""
    whole = unicodedata.normalize("NFC", text)
    plain = "".join(filter(str.isprintable, whole.encode("ascii", "ignore").decode()))
    faces = (OWN, *(face for face in present(FACES) if not whole.isascii() and not lacking(plain, face)))
    face = min(faces, key=lambda each: len(lacking(whole, each)))
    lacked = lacking(whole, face)
    return "".join(spelled(letter) if letter in lacked else letter for letter in whole), face


@cache
def present(faces: tuple[str, ...]) -> tuple[str, ...]:
    """Those that this machine has."""
    return tuple(face for face in faces if is_present(face))


def is_present(face: str) -> bool:
    try:
        font(PROBE, face)
    except OSError:
        return False
    return True


def lacking(text: str, face: str) -> set[str]:
    """The letters for which the font has nothing but its box."""
    return {letter for letter in text if lacks(face, letter)}


@cache
def lacks(face: str, letter: str) -> bool:
    if unicodedata.category(letter) in UNSEEN and not letter.isspace() and not letter.isascii():
        return True
    return letter.strip() != "" and drawn(face, letter) == drawn(face, NOBODYS)


def drawn(face: str, letter: str) -> tuple[tuple[int, int], bytes]:
    """How a font draws it: the size, the pixels."""
    mask = font(PROBE, face).getmask(letter)
    return mask.size, bytes(mask)


def spelled(letter: str) -> str:
    """In ASCII: é is e, ß is ss, a painter's palette is (artist palette), and a Cyrillic letter is its name."""
    category = unicodedata.category(letter)
    if category in ("Mn", *UNSEEN):
        return ""
    if category in ("Pd", "Zs"):
        return "-" if category == "Pd" else " "
    parts = unicodedata.normalize("NFKD", letter).replace("ß", "ss").replace("\N{FRACTION SLASH}", "/")
    plain = "".join(part for part in parts if part.isascii())
    return plain or named(unicodedata.name(letter, "?"))


def named(name: str) -> str:
    """From the name that Unicode gives to a letter."""
    if found := re.search(r"(?:LETTER|LIGATURE|SYLLABLE)(?: SMALL)? (\w+)", name):
        return found[1] if "CAPITAL" in name else found[1].lower()
    if found := re.fullmatch(r"CJK.* IDEOGRAPH-(\w+)", name):
        return f"(U+{found[1]})"
    return name if name == "?" else f"({name.lower()})"
