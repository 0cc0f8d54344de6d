"""Family: a notice of breach, and the memo on the deadlines and rights that follow from it."""

import datetime

from harness_search.simulated.tasks.breach_areas import BREACH_AREAS
from harness_search.simulated.tasks.breach_points import (
    AREA_CLAUSES,
    CLAUSES,
    POINTS,
    SECTIONS,
    TOLD_ELSEWHERE,
)
from harness_search.simulated.tasks.names import (
    Draw,
    business_day_after,
    long_date,
    working_day_after,
)
from harness_search.simulated.tasks.papers import (
    DRAFT,
    contract,
    row_text,
    signature_table,
)
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Cell,
    DocumentSpec,
    Email,
    Formula,
    Heading,
    Matter,
    Paragraph,
    Revised,
    Table,
)
from harness_search.simulated.tasks.story import (
    Story,
    Value,
    company_value,
    date_value,
    days_value,
    money_value,
    percent_value,
)

FAMILY = "breach-notice"
AREAS = tuple(BREACH_AREAS)

_REPLY = datetime.date(2025, 11, 20)
_SEVERITIES = ("critical", "severe", "moderate")
_POLICIES = ("business interruption policy", "professional liability policy", "all risks policy")
_CORRECTED = ("found", "account")
_OTHER_NAMES = ("summary for the partner.txt", "summary.md", "file summary (2).docx")
_CONFIRM = (
    "Please confirm the steps that you will take, and by when, to the undersigned. Until then our "
    "teams will deal with yours in writing only."
)


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a notice of breach in one of the AREAS."""
    words = dict(BREACH_AREAS[area])
    obligor = draw.company(words["obligor_trade"])
    claimant = draw.company(words["claimant_trade"])
    words |= {
        "obligor_name": obligor.name, "claimant_name": claimant.name,
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "signatory": draw.person(), "signatory2": draw.person(), "project": draw.project,
        "breach_hint": words["breach"], "insurer": draw.company("Insurance").short,
        "policy": draw.pick(_POLICIES),
    }  # fmt: skip
    values = _values(draw)
    losses = _losses(draw, words["heads"].split("|"))
    values |= _sums(draw, losses, values)
    insurance = _insurance(words, values)
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    clauses["insurance_row"] = row_text(insurance.rows[0])
    # The notice tells this fact wrongly, and an e-mail corrects it.
    corrected = draw.pick(_CORRECTED)
    clauses[corrected] = f"One correction before you use it: {clauses[corrected]}"
    story = Story(words, values, clauses)
    return Matter(
        title=story.say("Notice of breach: {claimant_name} against {obligor_name}"),
        work_type="analyze",
        slug_words=f"breach-{obligor.short.split()[0].lower()}",
        opening=story.say(
            "{partner} acts for {claimant_name} in {project} and needs a memo on the notice of "
            "breach that was served on {obligor_name}: what was notified, which periods run and "
            "what may be claimed."
        ),
        distractors="a superseded draft of the notice and papers of another matter",
        main_deliverables=("deadline-memo.docx", "breach-memo.docx", "memo-to-partner.docx"),
        second_deliverables=("deadlines.xlsx", "claims.xlsx", "next-steps.md"),
        points=tuple(story.point(template) for template in POINTS),
        documents=_documents(draw, story, (losses, insurance), corrected),
    )


def _values(draw: Draw) -> dict[str, Value]:
    notice = draw.date(datetime.date(2025, 9, 1), datetime.date(2025, 10, 31))
    arrived = draw.date(datetime.date(2025, 11, 10), datetime.date(2025, 11, 19))
    answer, cure = draw.days(21, 35), draw.days(21, 60)
    law, city = draw.law()
    severity, mistaken = draw.positions(len(_SEVERITIES), 2)
    return {
        "signed": date_value(draw, datetime.date(2022, 1, 3), datetime.date(2023, 12, 1)),
        "notice": Value(
            "date", notice, draw.date(datetime.date(2025, 8, 18), datetime.date(2025, 8, 29))
        ),
        "cured_by": Value("date", notice + datetime.timedelta(days=cure)),
        "breached": date_value(draw, datetime.date(2025, 5, 5), datetime.date(2025, 6, 27)),
        "discovered": date_value(draw, datetime.date(2025, 7, 1), datetime.date(2025, 8, 15)),
        "receipt": Value(
            "date", working_day_after(notice, draw.count(1, 4)),
            draw.date(datetime.date(2025, 11, 3), datetime.date(2025, 11, 7)),
        ),
        "arrived": Value(
            "date", arrived, draw.date(datetime.date(2025, 11, 21), datetime.date(2025, 11, 28))
        ),
        "answer_by": Value("date", business_day_after(arrived, answer)),
        "offer_until": date_value(draw, datetime.date(2026, 3, 2), datetime.date(2026, 5, 29)),
        "step_due": date_value(draw, datetime.date(2026, 1, 12), datetime.date(2026, 2, 20)),
        "lodged": Value(
            "date", draw.date(datetime.date(2025, 8, 18), datetime.date(2025, 8, 29))
        ),
        "answer": Value("number", answer, draw.days(21, 35), unit=" business days"),
        "cure": Value("number", cure, draw.days(21, 60), unit=" days"),
        "meet": days_value(draw, 21, 50), "step_in": days_value(draw, 42, 90),
        "suit": days_value(draw, 95, 180), "termination": days_value(draw, 30, 120),
        "interest": percent_value(draw, 4, 9), "withhold": percent_value(draw, 46, 70, 1),
        "cap": money_value(draw, 600_000, 3_000_000), "offer": money_value(draw, 30_000, 140_000),
        "interim": money_value(draw, 40_000, 190_000), "budget": money_value(draw, 21_000, 29_500),
        "exposure": money_value(draw, 4_000_000, 9_000_000, 50_000),
        "excess": Value("number", draw.amount(10_000, 20_000)),
        "special_figure": percent_value(draw, 10, 20, 0.5),
        "special2_figure": percent_value(draw, 21, 45, 1),
        "severity": Value("name", _SEVERITIES[severity], _SEVERITIES[mistaken]),
        "copy": Value("name", draw.person(), draw.person()),
        "owner": Value("name", draw.person(), draw.person()),
        "expert": Value("name", draw.person(), draw.person()),
        "blamed": company_value(draw.company("Components"), draw.company("Fittings")),
        "law": Value("name", law), "city": Value("name", city),
    }  # fmt: skip


def _losses(draw: Draw, heads: list[str]) -> Table:
    """The loss schedule: each loss net of what was paid on it; nothing states the total."""
    rows: list[tuple[Cell, ...]] = []
    for number, head in enumerate(heads, start=1):
        gross, paid = draw.amount(31_000, 110_000, 50), draw.amount(1_000, 9_000, 50)
        net = Formula(f"=D{number + 1}-E{number + 1}", gross - paid)
        rows.append((f"L-{number}", head, f"Annex {draw.count(2, 19)}", gross, paid, net))
    header = ("Ref", "Head of loss", "Evidence", "Gross loss", "Already paid", "Loss claimed")
    return Table(header, tuple(rows), "Loss schedule")


def _sums(draw: Draw, losses: Table, values: dict[str, Value]) -> dict[str, Value]:
    total, prefix = losses.total(5), f"{draw.currency} "
    room = int(str(values["cap"].true)) - total
    return {
        "total": Value("number", total, prefix=prefix),
        "room": Value("number", room, prefix=prefix),
    }


def _insurance(words: dict[str, str], values: dict[str, Value]) -> Table:
    row = (
        words["insurer"], words["policy"], int(str(values["excess"].true)),
        str(values["lodged"].true),
    )  # fmt: skip
    return Table(("Insurer", "Policy", "Excess", "Claim lodged"), (row,), "Insurance")


def _documents(
    draw: Draw, story: Story, tables: tuple[Table, ...], corrected: str
) -> tuple[DocumentSpec, ...]:
    instrument, signed_on = story.words["instrument"], story.values["signed"].text()
    parties = (story.words["obligor_name"], story.words["claimant_name"])
    signed = signature_table([(party, draw.person(), signed_on) for party in parties])
    intro = (
        'This Agreement is made on {signed} between {obligor_name} (the "{obligor}") and '
        '{claimant_name} (the "{claimant}").'
    )
    agreement = contract(story, instrument, intro, SECTIONS, signed, draft=False)
    about = Table(
        ("Claimant", "Against", "Amounts in", "Remark"),
        ((parties[1], parties[0], draw.currency, "What insurers have paid is set off."),),
        "About",
    )
    return (
        DocumentSpec(f"{instrument}.docx", agreement),
        DocumentSpec("Letter to the company secretary.pdf", _letter(story, corrected)),
        DocumentSpec("loss-schedule.xlsx", (*tables, about)),
        DocumentSpec("FW reply of the other side.eml", _forwarded_reply(story, corrected)),
        DocumentSpec("Letter - working copy.docx", _drafted_letter(story), counts=False),
        DocumentSpec(draw.pick(_OTHER_NAMES), _other_matter(draw, story), counts=False),
    )


def _letter(story: Story, corrected: str) -> tuple[Block, ...]:
    """The notice of breach as it was served, with one mistake in it."""
    return (
        Heading(story.say("Notice of breach under the {instrument}")),
        Paragraph("Signed original, sent by courier"),
        Paragraph(story.say("From {claimant_name} to {obligor_name}")),
        Paragraph(story.clause("dated")),
        Paragraph(story.say("Dear {copy},")),
        Paragraph(story.clause("background")),
        Heading("What happened", 2),
        *(
            Paragraph(story.say(CLAUSES[key], wrong=key == corrected))
            for key in ("breach", "found", "account")
        ),
        Heading("What follows from it", 2),
        *(Paragraph(story.clause(key)) for key in ("reserve", "no_waiver")),
        Paragraph(_CONFIRM),
        Paragraph(story.say("{signatory}, for {claimant_name}")),
    )


def _drafted_letter(story: Story) -> tuple[Block, ...]:
    """The draft of the notice: other facts and periods, with marks of revision; never sent."""
    dated = story.clause("dated", wrong=True)
    cure = story.clause("cure", wrong=True)
    return (
        Heading(story.say("Notice of breach under the {instrument}")),
        Paragraph(DRAFT),
        Paragraph(story.say("From {claimant_name} to {obligor_name}")),
        Paragraph(dated),
        Paragraph(story.say("Dear {copy},", wrong=True)),
        Revised(
            "As no remedy is in sight, we ", "would like to raise the following with you",
            "now give notice as follows", ".",
        ),
        Heading("What happened", 2),
        *(
            Paragraph(story.say(CLAUSES[key], wrong=True))
            for key in ("breach", "found", "account")
        ),
        Heading("What follows from it", 2),
        Revised(cure.removesuffix("."), ", if it can be cured at all", ", without a reminder", "."),
        *(
            Paragraph(story.clause(key, wrong=True))
            for key in (
                "escalation", "answer", "cap", "termination", "withhold", "substitute", "lapse",
                "interest", "special_clause", "form",
            )
        ),
        Paragraph("Signature to be added once the client has approved the text."),
    )  # fmt: skip


def _forwarded_reply(story: Story, corrected: str) -> tuple[Block, ...]:
    """The reply of the other side, forwarded with the remarks of the associate."""
    words = story.words
    return (
        Email(
            words["associate"], words["partner"], _REPLY,
            story.say("FW: Your notice - {obligor_name}"), ("reply.pdf",),
        ),
        Paragraph(story.say("{partner}, the answer to our notice came in and is copied below.")),
        Paragraph(story.clause(corrected)),
        Paragraph("Where we stand on our own side:"),
        *(Paragraph(story.clause(key)) for key in ("severity", "arrival", "step", "expert")),
        Paragraph(
            "I have not spoken to the other side. The annexes of the schedule are in the data "
            "room, and the accounts department can explain each figure."
        ),
        Heading("Forwarded message", 2),
        Paragraph(story.say("We write on behalf of {obligor_name} to {claimant_name}.")),
        *(Paragraph(story.clause(key)) for key in ("receipt", "blame", "offer")),
        Paragraph("We ask you to note what has been done so far:"),
        Bullets((
            "the persons concerned were trained again and the procedure was rewritten",
            "an outside reviewer will report to both companies at our expense",
            "your staff may visit the site on any working day",
        )),
        Paragraph(
            "We do not accept the loss schedule as it stands and will comment on each head of "
            "loss once the supporting annexes have reached us."
        ),
        Paragraph(story.say("{signatory2}")),
    )  # fmt: skip


def _other_matter(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A note on a neighbouring dispute of the same kind that was filed here by mistake."""
    obligor = draw.company(story.words["like_obligor"])
    claimant = draw.company(story.words["like_claimant"])
    other = Story(
        {
            **story.words, "obligor_name": obligor.name, "claimant_name": claimant.name,
        },
        story.values, CLAUSES,
    )  # fmt: skip
    return (
        Heading(f"{claimant.name} against {obligor.name} - summary for the partner"),
        Paragraph(f"From {draw.person()} to {draw.person()}, {long_date(_REPLY)}"),
        Paragraph(
            f"{claimant.name} gave notice of breach to {obligor.name} this autumn. The points that "
            "the memo has to cover, as far as the papers answer them:"
        ),
        *(Paragraph(other.clause(key, wrong=True)) for key in TOLD_ELSEWHERE),
        Paragraph(
            "Both sides have agreed to keep the talks confidential. The general counsel asks for "
            "the memo by the end of next week."
        ),
    )
