"""The catalogues hold what the code says, all of it translated. `make messages` brings them to that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from django.utils import translation

from vsaas.audit import acts
from vsaas.onebox import messages

# Python's places to fill, those of the audit log's sentences, and HTML: a translation keeps them as they are.
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+>")

languages = pytest.mark.parametrize("language", messages.LANGUAGES)


def places(text: str) -> set[str]:
    return set(PLACES.findall(text))


def pairs(message: Message) -> list[tuple[str, str]]:
    """What the code says and what stands for it, in each number. Django picks the number itself, so each form is held
    to the one it stands for."""
    said = message.id if isinstance(message.id, tuple) else (message.id,)
    texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return [(said[min(index, len(said) - 1)], text) for index, text in enumerate(texts)]


@languages
def test_everything_is_translated_and_nothing_by_guess(language):
    catalog = messages.load(language)
    assert len(catalog) > 900
    lacking = [message.id for message in catalog if message.id and not messages.is_translated(message)]
    fuzzy = [message.id for message in catalog if message.id and message.fuzzy]
    assert (lacking, fuzzy, catalog.obsolete) == ([], [], {})


@languages
def test_places_to_fill_are_those_of_the_message(language):
    wrong = [
        (said, text)
        for message in messages.load(language)
        if message.id
        for said, text in pairs(message)
        if places(said) != places(text)
    ]
    assert wrong == []


@languages
def test_blanks_at_the_ends_are_those_of_the_message(language):
    wrong = [
        said
        for message in messages.load(language)
        if message.id
        for said, text in pairs(message)
        if (said[:1].isspace(), said[-1:].isspace()) != (text[:1].isspace(), text[-1:].isspace())
    ]
    assert wrong == []


@languages
def test_the_catalogue_is_that_of_the_code_and_compiled(language):
    catalog = messages.updated(language, messages.extracted())
    path = messages.po_path(language)
    assert messages.po_bytes(catalog).decode() == path.read_text(), "run `make messages`"
    assert messages.mo_bytes(catalog) == path.with_suffix(".mo").read_bytes(), "run `make messages`"


@languages
def test_no_name_of_a_month_or_day_of_djangos_is_replaced(language):
    """Django's own catalogue has messages of one word, and ours comes after it."""
    words = [
        "January",
        "March",
        "May",
        "August",
        "Monday",
        "Sunday",
        "Mon",
        "Sat",
        "AM",
        "PM",
        "yes,no,maybe",
    ]
    ours = messages.load(language)
    assert [word for word in words if ours.get(word) is not None] == []


@languages
def test_every_sentence_of_the_audit_log_needs_the_same_details(language):
    needed = {one.name: one.fields for one in acts.all_acts()}
    with translation.override(language):
        assert {one.name: one.fields for one in acts.all_acts()} == needed


def test_no_message_becomes_a_text_at_import():
    """What is filled or made text when a module is read speaks the language of that moment for ever."""
    early = []
    for path in messages.sources():
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            at_once = names_at_once(tree)
            lines = [node.lineno for node in outside_functions(tree) if is_text_at_once(node, at_once)]
            early += [f"{path.relative_to(messages.ROOT)}:{line}" for line in lines]
    assert early == []


def names_at_once(tree: ast.AST) -> set[str]:
    """What a module calls the functions that answer with a text, not with a message."""
    functions = {"gettext", "ngettext", "pgettext", "npgettext"}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names if alias.name in functions}


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)


def is_text_at_once(node: ast.AST, at_once: set[str]) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return calls(node.left, {*messages.KEYWORDS})
    return calls(node, at_once)


def calls(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def test_what_the_code_newly_says_is_found(tmp_path, monkeypatch):
    folder = tmp_path / "vsaas"
    folder.mkdir()
    (tmp_path / "tenants").mkdir()
    (folder / "page.html").write_text(
        "{% load i18n %}\n    <p>{% translate 'Hello' %}</p>\n  {{ x|default:_('Nobody') }}\n"
        "{% blocktranslate count n=n %}{{ n }} cat{% plural %}{{ n }} cats{% endblocktranslate %}"
        "{% translate 'May' context 'a right' %}"
    )
    (folder / "code.py").write_text('a = _("one " "text")\nb = gettext_noop("kept")\nc = f"not {a}"\n')
    (folder / "management").mkdir()
    (folder / "management" / "command.py").write_text('_("commands speak English")\n')
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    found = {(message.context, message.id) for message in messages.extracted() if message.id}
    assert found == {
        (None, "Hello"),
        (None, "Nobody"),
        (None, ("%(n)s cat", "%(n)s cats")),
        ("a right", "May"),
        (None, "one text"),
        (None, "kept"),
    }


def test_untranslated_messages_are_counted_and_end_the_command(tmp_path, monkeypatch, capsys):
    for name in ("vsaas", "tenants"):
        (tmp_path / name).mkdir()
    (tmp_path / "vsaas" / "code.py").write_text('_("Hello")\n')
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "LOCALE", tmp_path / "vsaas" / "locale")
    monkeypatch.setattr(messages, "FRONTEND_TOOL", tmp_path / "messages.mjs")
    with pytest.raises(messages.OneboxError, match="not everything is translated"):
        messages.messages()
    assert "1 untranslated" in capsys.readouterr().out
    path = messages.po_path("de")
    path.write_text(path.read_text().replace('msgid "Hello"\nmsgstr ""', 'msgid "Hello"\nmsgstr "Hallo"'))
    messages.messages()
    assert 'msgstr "Hallo"' in path.read_text()
    (tmp_path / "messages.mjs").write_text("process.exit(1)\n")
    with pytest.raises(messages.OneboxError, match="not everything is translated"):
        messages.messages()
