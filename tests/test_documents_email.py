"""E-mails to text: what a reader is shown, all of it and nothing else."""

from pathlib import Path

import pytest

from harness_kit.extraction import extract_from

HEAD = b"From: a@halden.example\nMIME-Version: 1.0\n"
PLAIN = "Content-Type: text/plain\n\n"
HTML = "Content-Type: text/html\n\n"
NAMED = 'Content-Type: text/plain; name="body.txt"\n\n'
IMAGE = "Content-Type: image/png\n\nx"


def body(data: bytes) -> str:
    head, _, text = extract_from(Path("a.eml"), HEAD + data).partition("\n\n")
    assert head.startswith("From: a@halden.example")
    return text.rstrip("\n")


def html(page: str) -> str:
    return body(b"Content-Type: text/html; charset=utf-8\n\n" + page.encode())


def parts(kind: str, *contents: str, boundary: str = "b") -> str:
    inner = "".join(f"--{boundary}\n{content}\n" for content in contents)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{inner}--{boundary}--\n'


@pytest.mark.parametrize(
    "hiding",
    [
        "hidden", 'style="display: none"', 'style="visibility:collapse"', 'style="opacity:0.0"',
        'style="font-size:0"', 'style="FONT-SIZE: 1px !important"', 'style="font:0/0 Arial"',
        'style="font-size:.05em"', 'style="color:#fff"', 'style="color: rgb(250, 255, 255)"',
        'style="color:transparent"', 'style="color:rgba(0,0,0,0)"', 'style="color:#0000;"',
        'color="#ffffff"', 'color="WHITE"', 'style="max-height:0;overflow:hidden"',
        'style="color:white;background:#fffffe"', 'bgcolor="white" color="snow"',
    ],
)  # fmt: skip
def test_what_no_reader_of_an_e_mail_sees_is_no_text(hiding: str) -> None:
    assert html(f"<p>Seen.</p><p><font {hiding}>Pass <b>all</b>.</font></p>") == "Seen."


@pytest.mark.parametrize(
    "page",
    [
        '<table bgcolor="#003366"><tr style="color:#fff"><td>Fee</td></tr></table>',
        '<div style="background:navy"><div style="color:white">Fee</div></div>',
        '<div style="background:#fff url(dark.png)"><div style="color:white">Fee</div></div>',
        '<div background="dark.png"><div style="color:white">Fee</div></div>',
        '<div style="background-image:url(a.png)"><b style="color:#fff">Fee</b></div>',
        '<div class="hero"><h1 style="color:#fff">Fee</h1></div>',
        '<style>body{background:#111}</style><p style="color:#ffffff">Fee</p>',
        '<div style="font-size:0px"><div style="font-size:13px">Fee</div></div>',
        '<div style="font-size:0"><div style="font:700 12px/1.5 Arial">Fee</div></div>',
        '<div style="font-size:0"><div style="font-size:medium">Fee</div></div>',
        '<div style="visibility:hidden"><b style="visibility:visible">Fee</b></div>',
        '<div style="color:#fff"><b style="color:#123">Fee</b></div>',
        '<div style="opacity:0.8;color:red;line-height:0;height:0">Fee</div>',
        "F<!-- [if mso]> Pass <![endif] -->ee",
    ],
)
def test_what_a_reader_of_an_e_mail_sees_is_text(page: str) -> None:
    assert html(page).strip("| ") == "Fee"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            parts("mixed", HTML + "<p>Pay EUR 5.", PLAIN + "Confidential."),
            "Pay EUR 5.\n\nConfidential.",
        ),
        (parts("alternative", PLAIN + "Pay 5.", HTML + "<p>Pay five."), "Pay 5."),
        (parts("alternative", HTML + "<p>Pay five.", PLAIN + "Pay 5."), "Pay 5."),
        (parts("alternative", PLAIN + " ", HTML + "<p>Pay five."), "Pay five."),
        (
            parts(
                "mixed",
                parts("alternative", PLAIN + "Pay 5.", HTML + "<p>Pay five.", boundary="c"),
                PLAIN + "Confidential.",
            ),
            "Pay 5.\n\nConfidential.",
        ),
        (
            parts(
                "alternative",
                "Content-Type: text/calendar\n\nBEGIN",
                parts("related", HTML + "<p>Pay five.", HTML + "<p>A frame.", boundary="c"),
            ),
            "Pay five.",
        ),
        (parts("alternative", NAMED + "Pay 5.", HTML + "<p>Pay five."), "Pay five."),
        (parts("alternative", NAMED + "Pay 5."), "Pay 5."),
        (
            parts('related; start="<b>"', IMAGE, HTML + "No", f"Content-ID: <b>\n{HTML}Yes."),
            "Yes.",
        ),
        (parts("related", IMAGE, HTML + "<p>Pay five."), "Pay five."),
        (
            parts(
                "mixed", PLAIN + "See the file.",
                "Content-Disposition: attachment; filename=a.txt\n" + PLAIN + "Attached.",
            ),
            "See the file.",
        ),
    ],
)  # fmt: skip
def test_all_that_is_shown_is_read_in_order_and_one_of_alternatives(
    message: str, text: str
) -> None:
    assert body(message.encode()) == text


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("iso-8859-8-i", b"\xf9\xec\xe5\xed", "\u05e9\u05dc\u05d5\u05dd"),
        ("x-sjis", "\u5951\u7d04".encode("shift_jis"), "\u5951\u7d04"),
        ("x-mac-nowhere", "Café".encode(), "Café"),
        ("x-nowhere", b"Caf\xe9", "Caf\ufffd"),
        ("zip", b"Fee", "Fee"),
        ("undefined", b"Fee", "Fee"),
        ("us-ascii", b"Caf\xe9 \x93Halden\x94", "Café \u201cHalden\u201d"),
        ("us-ascii", "Café".encode(), "Café"),
        ("utf-8", b"Caf\xe9", "Caf\ufffd"),
    ],
)
def test_letters_of_an_unknown_kind_are_read_as_well_as_can_be(
    charset: str, data: bytes, text: str
) -> None:
    for kind in (b"plain", b"html"):
        head = b"Content-Type: text/%b; charset=%b\n\n" % (kind, charset.encode())
        assert body(head + data) == text
