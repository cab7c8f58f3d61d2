"""Every kind of file becomes text with places, and nothing that a stranger made of one does harm."""

from __future__ import annotations

import io
import os
import zipfile

import pytest
from files.samples import W, docx, docx_of, paragraph, pdf
from pypdf import PdfReader, PdfWriter

from chatapp.conversation.document import Unit
from chatapp.files import Unreadable, read_bytes, read_file, stamp

GERMAN = "Grüße, schöne Straße – 5 €\n"


@pytest.mark.parametrize(
    "data",
    [
        GERMAN.encode(),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("utf-16"),
        GERMAN.encode("utf-16-le"),
        b"\xfe\xff" + GERMAN.encode("utf-16-be"),
        GERMAN.encode("utf-32"),
        GERMAN.encode("cp1252"),
        GERMAN.replace("\n", "\r\n").encode(),
    ],
    ids=["utf-8", "with a mark", "utf-16", "utf-16 bare", "utf-16-be", "utf-32", "Windows", "CR LF"],
)
async def test_a_text_is_read_whatever_its_encoding(data):
    document = await read_bytes(data, "letter.txt")
    assert (document.text, document.unit, document.places) == (GERMAN, Unit.LINE, 1)


async def test_a_pdf_is_read_by_pages():
    document = await read_bytes(pdf(["First page", "Second page\nwith a line", "Third"]), "letter.pdf")
    assert (document.unit, document.places) == (Unit.PAGE, 3)
    start, end = document.span_of(2)
    assert document.text[start:end].split() == ["Second", "page", "with", "a", "line"]
    assert document.place_at(document.text.index("Third")) == 3


async def test_a_word_document_is_read_by_paragraphs_with_tables_and_without_what_was_deleted():
    table = f"<w:tbl><w:tr><w:tc>{paragraph('cell')}</w:tc></w:tr></w:tbl>"
    gone = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>kept</w:t></w:r></w:p>"
    document = await read_bytes(docx(paragraph("One &amp; only") + table + gone + "<w:p/>"), "plan.docx")
    assert (document.text, document.unit, document.places) == ("One & only\ncell\nkept\n", Unit.PARAGRAPH, 3)


async def test_a_web_page_is_read_as_a_browser_shows_it():
    page = b"""<html><head><title>no</title><script>var x = "<p>no</p>";</script><meta charset=iso-8859-1>
    <body><h1>Caf\xe9</h1><p>Two  <b>words</b>.<p>Last &lt;one&gt;<style>no</style></p><td>a</td><td>b</td>"""
    document = await read_bytes(page, "page.html")
    assert document.text == "Café\nTwo words.\nLast <one>\na b\n"


async def test_a_file_says_where_it_comes_from_and_when_it_changed(tmp_path):
    path = tmp_path / "a [draft]: 1.txt"
    path.write_text("one\ntwo\n")
    file = await read_file(path, taken=("a (draft)· 1.txt",))
    assert file.name == "a (draft)· 1.txt (2)"
    seen = stamp(path)
    assert (file.size, file.modified_ns) == (seen.size, seen.modified_ns)
    path.write_text("one\ntwo\nthree\n")
    assert stamp(path) != seen
    path.unlink()
    assert stamp(path) is None


def encrypted() -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(["secret"]))))
    writer.encrypt("a password", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = [
    ("encrypted.pdf", encrypted(), "encrypted"),
    ("cut.pdf", pdf(["One", "Two"])[:200], "broken"),
    ("empty.pdf", pdf([""]), "pictures"),
    ("named.pdf", b"just text", "whatever its name says"),
    ("loop.pdf", pdf(["One"]).replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]"), "broken|recursive|nested|no text"),
    ("bomb.docx", docx_of(b"<a>" + b" " * (65 * 2**20) + b"</a>"), "unfolds"),
    (
        "laughs.docx",
        docx_of(f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><w:document {W}>&l9;</w:document>'.encode()),
        "entities",
    ),
    ("wide.docx", docx_of('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16")), "entities"),
    ("cut.docx", docx(paragraph("One"))[:-30], "broken"),
    ("other.docx", docx("", "content.xml"), "no Word document"),
    ("deep.docx", docx("<w:x>" * 200_000), "broken"),
    ("nothing.docx", docx(""), "no text"),
    ("files.zip", docx(""), "archive"),
    ("program", b"\x7fELF" + bytes(range(256)), "no text"),
    ("noise.txt", bytes([1, 2, 3, 4]) * 50, "no text"),
    ("blank.txt", b" \n\n", "empty"),
]


@pytest.mark.parametrize(("name", "data", "reason"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
async def test_a_hostile_file_is_refused_with_a_sentence(name, data, reason):
    with pytest.raises(Unreadable, match=reason):
        await read_bytes(data, name)


async def test_what_an_archive_says_of_sizes_is_not_believed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * (70 * 2**20) + b"</a>")
    lied = out.getvalue().replace((70 * 2**20 + 7).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises(Unreadable):
        await read_bytes(lied, "liar.docx")


async def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("pipe", "regular"), ("none", "no such"), (".", "folder"), ("\0", "name")):
        with pytest.raises(Unreadable, match=reason):
            await read_file(tmp_path / name)


async def test_a_nest_of_pages_ends():
    nest = "<div>" * 100_000 + "deep"
    assert (await read_bytes(nest.encode(), "nest.html")).text == "deep\n"
