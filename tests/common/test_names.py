"""Names people give: any script and emoji, nothing hidden."""

import pytest

from vsaas.common.names import BadName, clean_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Gate 2 ", "Gate 2"),
        ("Tor Süd", "Tor Süd"),
        ("u\u0308ber", "über"),
        ("بوابة الشمال", "بوابة الشمال"),
        ("\u200fשער\u200f", "\u200fשער\u200f"),
        ("نمی\u200cدانم", "نمی\u200cدانم"),
        ("👨\u200d👩\u200d👧 entrance", "👨\u200d👩\u200d👧 entrance"),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", None),
        ("❤️", "❤️"),
        ("倉庫" * 100, "倉庫" * 100),
    ],
)
def test_any_script_and_emoji_is_a_name(typed: str, kept: str | None) -> None:
    assert clean_name(typed) == (kept or typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "\u200d\u200e",
        "\ufe0f",
        "a" * 201,
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\u2028b",
        "gate\u202egnp.exe",
        "a\u2066b",
        "a\ufeffb",
        "a\ufffeb",
        "a\ue000b",
    ],
)
def test_nothing_hidden_too_long_or_turning_the_text_around_is_one(typed: str) -> None:
    with pytest.raises(BadName):
        clean_name(typed)
