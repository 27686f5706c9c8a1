"""Names in any script: what is shown on a sheet can be read, and no letter becomes a box."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from impasto import lettering
from impasto.lettering import FACES, OWN, drawn, lacking, lettered, present, spelled

SPELLED = {
    "café": "cafe",
    "cafe\u0301": "cafe",
    "Müller – Straße": "Muller - Strasse",
    "Æsir, œuvre, Øre": "AEsir, oeuvre, Ore",
    "кот": "kaote",
    "🎨 ❤️": "(artist palette) (heavy black heart)",
    "漢": "(U+6F22)",
    "½ × 2": "1/2 (multiplication sign) 2",
    "\udcff\ue000\u200b": "?",
    "plain [name] 100%": "plain [name] 100%",
}


@pytest.fixture
def no_other_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "FACES", ())


@pytest.mark.parametrize(("text", "words"), SPELLED.items())
def test_what_no_font_has_is_spelled_out(no_other_font: None, text: str, words: str) -> None:
    assert lettered(text) == (words, OWN)


@given(st.text(max_size=30))
@example("0\x00\u300a")  # a font of East Asian letters may have no digits
@settings(max_examples=100, deadline=None)
def test_nothing_is_shown_as_a_box(text: str) -> None:
    shown, face = lettered(text)
    assert not lacking(shown, face)


@given(st.characters(codec="utf-16-be"))
def test_everything_is_spelled_in_ascii(letter: str) -> None:
    assert spelled(letter).isascii()


def test_a_font_of_the_system_shows_letters_as_they_are() -> None:
    """Where there is one that has them; ASCII looks the same on every machine."""
    assert lettered("harbor.jpg, 512 px") == ("harbor.jpg, 512 px", OWN)
    faces = [face for face in present(FACES) if not lacking("é", face)]
    if not faces:
        pytest.skip("needs a font with an é")
    shown, face = lettered("cafe\u0301")
    assert (shown, face) == ("café", faces[0])
    assert drawn(face, "é") != drawn(face, "e")
