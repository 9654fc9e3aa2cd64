"""`make messages`: what people read, from the code into the catalogue of each language, and from there into its `.mo`.

Extracted with Babel (Python) and Django's own `templatize` (templates), so that no gettext program is needed. A catalogue
holds no line numbers, is sorted, and keeps nothing the code no longer says: it changes only when a text does.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from vsaas.onebox import nodebuild
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.progress import say

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("vsaas", "tenants")
LOCALE = ROOT / "vsaas" / "locale"
LANGUAGES = ("de",)
WIDTH = 110
SHOWN = 20  # of the untranslated; all stand in the catalogue
HEADER = "# What people read, by `make messages` from the code: translate here, change texts there (docs/translation.md)."
FRONTEND_TOOL = ROOT / "frontend" / "messages.mjs"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def messages() -> None:
    """Brings every catalogue to what the code says; raises OneboxError when something is not translated."""
    said = extracted()
    untranslated = 0
    for language in LANGUAGES:
        catalog = updated(language, said)
        write(catalog, language)
        missing = [message for message in catalog if message.id and not is_translated(message)]
        say(f"{language}: {len(catalog)} messages, {len(missing)} untranslated")
        for message in missing[:SHOWN]:
            say(f"  {message.id}")
        untranslated += len(missing)
    front_end_lacks = FRONTEND_TOOL.exists() and _front_end()
    if untranslated or front_end_lacks:
        where = LOCALE.relative_to(ROOT)
        raise OneboxError(
            f"not everything is translated: look for empty texts in {where} (docs/translation.md)"
        )


def _front_end() -> bool:
    """Has the front end's messages brought up to date; whether some are untranslated, which it says itself."""
    command = ["node", str(FRONTEND_TOOL.relative_to(ROOT))]
    return subprocess.run(command, cwd=ROOT, env=nodebuild.environment()).returncode != 0


def extracted() -> Catalog:
    """Every message of the code, without translations."""
    catalog = Catalog()
    for path in sources():
        for _line, said, comments, context in _messages_of(path):
            catalog.add(said, auto_comments=comments, context=context)
    return catalog


def sources() -> Iterator[Path]:
    """The files that may hold messages. Commands, migrations and this machinery speak English."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            inside = path.relative_to(ROOT).parts
            if path.suffix in (".py", ".html") and not {"migrations", "management", "onebox"} & set(inside):
                yield path


def _messages_of(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    text = path.read_text()
    if path.suffix == ".html":
        # What templatize leaves has the indentation of HTML: in brackets Python does not look at it.
        text = f"(\n{templatize(text, origin=str(path))}\n)"
    yield from extract("python", io.BytesIO(text.encode()), KEYWORDS, ["Translators:"])


class PlainCatalog(Catalog):
    """A catalogue whose head holds no dates and no versions: the same texts are the same bytes."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:  # type: ignore[override]
        return [
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", f"text/plain; charset={self.charset}"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def updated(language: str, said: Catalog) -> Catalog:
    """The catalogue of a language with exactly the messages said, translated as they were; new ones are empty."""
    before = load(language)
    catalog = PlainCatalog(locale=language, fuzzy=False, header_comment=HEADER)
    for message in said:
        if message.id:
            known = before.get(message.id, message.context)
            string = (
                known.string if known is not None and known.pluralizable == message.pluralizable else None
            )
            catalog.add(message.id, string, auto_comments=message.auto_comments, context=message.context)
    return catalog


def load(language: str) -> Catalog:
    """The catalogue as it is stored; an empty one where there is none."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write(catalog: Catalog, language: str) -> None:
    """Stores a catalogue, and the `.mo` that Django reads."""
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(po_bytes(catalog))
    path.with_suffix(".mo").write_bytes(mo_bytes(catalog))


def po_bytes(catalog: Catalog) -> bytes:
    """The text of a `.po`."""
    out = io.BytesIO()
    write_po(out, catalog, width=WIDTH, no_location=True, sort_output=True, ignore_obsolete=True)
    return out.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    """The compiled catalogue; what is not translated is left out, so that English stands there."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def is_translated(message: Message) -> bool:
    """Whether there is a text, in every number."""
    texts = message.string if isinstance(message.string, list | tuple) else [message.string]
    return all(texts)


def po_path(language: str) -> Path:
    """Where a language's catalogue stands."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"
