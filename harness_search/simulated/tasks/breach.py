"""Family: a notice of breach, and the memo on the deadlines and rights that follow from it."""

import datetime

from harness_search.simulated.tasks.breach_areas import BREACH_AREAS
from harness_search.simulated.tasks.names import Draw, long_date, working_day_after
from harness_search.simulated.tasks.papers import (
    COMMON_CLAUSES,
    DRAFT,
    contract,
    note,
    signature_table,
)
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    DocumentSpec,
    Heading,
    Matter,
    Paragraph,
    Table,
)
from harness_search.simulated.tasks.story import (
    PointTemplate,
    States,
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

_AREA_CLAUSES = ("forum", "special_clause", "special2_clause")
_CLAUSES = {
    "duty": "The {obligor} shall {duty}.",
    "records": "The {obligor} shall keep records of its performance and let the {claimant} inspect "
    "them during business hours.",
    "contacts": "Each party names a contact person; the two meet every month, keep minutes and "
    "report open points to the steering committee.",
    "force": "A party is not liable for events beyond its control if it reports them without delay "
    "and does what it can to limit their effects.",
    "background": "You have performed the Agreement since {signed}. Our teams spoke about the "
    "events described below several times over the summer, and the minutes of the monthly "
    "meetings record what each side said. As no remedy is in sight, we now proceed formally.",
    "no_waiver": "Deliveries, services or payments that were accepted in the meantime were "
    "accepted only to keep the loss small, and not as performance.",
    "form": "A notice of breach must be sent by courier and copied by e-mail to {copy}, company "
    "secretary of the {obligor}.",
    "cure": "The {obligor} shall cure a breach within {cure} calendar days after the date of the "
    "notice of breach.",
    "escalation": "If the breach is not cured, the senior executives of both parties shall meet "
    "within {meet} days to seek a settlement.",
    "termination": "If the senior executives find no settlement, the {claimant} may terminate this "
    "Agreement on {termination} days' notice.",
    "cap": "The liability of the {obligor} for a breach is limited to {cap} in aggregate, except "
    "for intent and gross negligence.",
    "interest": "Damages bear interest at {interest}% per year from the date of the notice.",
    "law": "This Agreement is governed by the laws of {law}.",
    "breach": "On {breached}, {breach}, contrary to clause 1.1 of the Agreement.",
    "found": "{claimant_name} learned of the breach on {discovered} through {found}.",
    "account": "On account of its loss, {claimant_name} demands an interim payment of {interim}.",
    "reserve": "All rights are reserved, including the right to terminate, to suspend payment and "
    "to call any security.",
    "receipt": "We received your notice of breach by courier on {receipt}.",
    "blame": "The cause was {blamed_for} at our subcontractor {blamed}, which we have since "
    "replaced.",
    "offer": "Without admission of liability we offer {offer} in full settlement.",
    "offer_until": "The settlement offer stays open until {offer_until} and lapses after that.",
    **COMMON_CLAUSES,
}
_SECTIONS = (
    ("Performance", ("duty records", "contacts", "special_clause", "special2_clause")),
    ("Notice and cure", ("form", "cure")),
    ("Escalation and termination", ("escalation", "termination")),
    ("Liability", ("cap interest", "force")),
    ("Law and disputes", ("law forum",)),
    ("General terms", ("confidentiality", "entire", "writing severability")),
)

_POINTS = (
    PointTemplate(
        "Date of the breach",
        "state the date on which, contrary to clause 1.1 of the Agreement, {breach_hint}.",
        ("breach",),
        (States("breached", "the date of the breach", guarded=True),),
    ),
    PointTemplate(
        "Discovery", "state when {claimant_name} learned of the breach through {found}.",
        ("found",),
        (States("discovered", "the date of discovery", ("learned", "discovery"), True),),
    ),
    PointTemplate(
        "Interim payment",
        "state the interim payment that {claimant_name} demands on account of its loss.",
        ("account",),
        (States("interim", "the interim payment", ("interim payment", "account"), True),),
    ),
    PointTemplate(
        "Cure period", "state within how many calendar days after the date of the notice the "
        "{obligor} shall cure a breach.", ("cure",),
        (States("cure", "the cure period in days", ("cure",), True),),
    ),
    PointTemplate(
        "Copy of the notice",
        "name the company secretary to whom a notice of breach must be copied by e-mail.",
        ("form",), (States("copy", "the recipient of the copy", guarded=True),),
    ),
    PointTemplate(
        "Meeting of senior executives",
        "state within how many days the senior executives of both parties shall meet if the breach "
        "is not cured.", ("escalation",),
        (States("meet", "the days for the executives to meet", ("executives",), True),),
    ),
    PointTemplate(
        "Right to terminate",
        "state on how many days' notice the {claimant} may terminate if the senior executives find "
        "no settlement.", ("termination",),
        (States("termination", "the notice to terminate", ("terminate",), True),),
    ),
    PointTemplate(
        "Liability cap",
        "state the amount to which the liability of the {obligor} for a breach is limited in "
        "aggregate.", ("cap",), (States("cap", "the liability cap", ("liability",), True),),
    ),
    PointTemplate(
        "Interest on damages", "state the interest per year that damages bear.", ("interest",),
        (States("interest", "the interest on damages", ("interest",), True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Forum", "state who decides disputes, and the city of the courts or of the seat.",
        ("forum",), (States("city", "the city of the forum"),),
    ),
    PointTemplate(
        "Receipt of the notice",
        "state when the {obligor} received the notice of breach by courier.", ("receipt",),
        (States("receipt", "the date of receipt", ("received", "receipt")),),
    ),
    PointTemplate(
        "Cause according to the {obligor}",
        "name the subcontractor at which {blamed_for} is said to have been the cause.",
        ("blame",), (States("blamed", "the subcontractor that is blamed"),),
    ),
    PointTemplate(
        "Settlement offer",
        "state the sum offered in full settlement without admission of liability, and until when "
        "the settlement offer stays open.", ("offer", "offer_until"),
        (
            States("offer", "the sum offered in settlement", ("settlement",), True),
            States("offer_until", "the date until which the offer stays open", ("open", "offer")),
        ),
    ),
    PointTemplate(
        "Total loss claimed",
        'state the total of the "Loss claimed" column in the loss schedule.', (),
        (States("total", "the total of the loss claimed", ("loss claimed", "total", "loss")),),
        "The total of the loss claimed in the loss schedule is {total}.",
    ),
    PointTemplate(
        "End of the cure period",
        "compute the date on which the cure period ends, in calendar days from the date of the "
        "notice.", (),
        (States("cured_by", "the end of the cure period"),),
        "Counted from the date of the notice, the cure period ends on {cured_by}.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a notice of breach in one of the AREAS."""
    words = dict(BREACH_AREAS[area])
    obligor = draw.company(words["obligor_trade"])
    claimant = draw.company(words["claimant_trade"])
    words |= {
        "obligor_name": obligor.name, "claimant_name": claimant.name,
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "signatory": draw.person(), "signatory2": draw.person(), "project": draw.project,
        "breach_hint": words["breach"],
    }  # fmt: skip
    values = _values(draw)
    losses = _losses(draw, words["heads"].split("|"))
    total = sum(int(row[3]) for row in losses.rows)
    values["total"] = Value("number", total, prefix=f"{draw.currency} ")
    story = Story(words, values, _CLAUSES | {key: words[key] for key in _AREA_CLAUSES})
    return Matter(
        title=story.say("Notice of breach: {claimant_name} against {obligor_name}"),
        work_type="analyze",
        slug_words=f"breach-{obligor.short.split()[0].lower()}",
        opening=story.say(
            "{partner} acts for {claimant_name} in {project} and needs a memo on the notice of "
            "breach that was served on {obligor_name}: what was notified, which periods run and "
            "what may be claimed."
        ),
        distractors="a superseded draft of the notice and a letter of another matter",
        main_deliverables=("deadline-memo.docx", "breach-memo.docx", "memo-to-partner.docx"),
        second_deliverables=("deadlines.xlsx", "claims.xlsx", "next-steps.md"),
        points=tuple(story.point(template) for template in _POINTS),
        documents=_documents(draw, story, losses),
    )


def _values(draw: Draw) -> dict[str, Value]:
    notice = draw.date(datetime.date(2025, 9, 1), datetime.date(2025, 10, 31))
    cure = draw.days(21, 60)
    law, city = draw.law()
    blamed = draw.company("Components")
    return {
        "signed": Value("date", draw.date(datetime.date(2022, 1, 3), datetime.date(2023, 12, 1))),
        "notice": Value(
            "date", notice, draw.date(datetime.date(2025, 8, 18), datetime.date(2025, 8, 29))
        ),
        "cured_by": Value("date", notice + datetime.timedelta(days=cure)),
        "breached": date_value(draw, datetime.date(2025, 5, 5), datetime.date(2025, 6, 27)),
        "discovered": date_value(draw, datetime.date(2025, 7, 1), datetime.date(2025, 8, 15)),
        "receipt": Value("date", working_day_after(notice, draw.count(1, 4))),
        "offer_until": Value(
            "date", draw.date(datetime.date(2026, 1, 5), datetime.date(2026, 3, 27))
        ),
        "cure": Value("number", cure, draw.days(21, 60), unit=" days"),
        "meet": days_value(draw, 21, 50),
        "termination": days_value(draw, 30, 120), "interest": percent_value(draw, 4, 9),
        "cap": money_value(draw, 600_000, 3_000_000), "offer": money_value(draw, 30_000, 140_000),
        "interim": money_value(draw, 40_000, 190_000),
        "special_figure": percent_value(draw, 10, 20, 0.5),
        "special2_figure": percent_value(draw, 21, 45, 1),
        "copy": Value("name", draw.person(), draw.person()),
        "blamed": company_value(blamed), "law": Value("name", law), "city": Value("name", city),
    }  # fmt: skip


def _losses(draw: Draw, heads: list[str]) -> Table:
    """The loss schedule; nothing states the total of its column."""
    rows = []
    for number, head in enumerate(heads, start=1):
        loss = draw.amount(6_000, 210_000, 50)
        rows.append((f"L-{number}", head, f"Annex {draw.count(2, 19)}", loss, draw.person()))
    header = ("Ref", "Head of loss", "Evidence", "Loss claimed", "Prepared by")
    return Table(header, tuple(rows), "Loss schedule")


def _documents(draw: Draw, story: Story, losses: Table) -> tuple[DocumentSpec, ...]:
    instrument, signed_on = story.words["instrument"], story.values["signed"].text()
    parties = (story.words["obligor_name"], story.words["claimant_name"])
    signed = signature_table([(party, draw.person(), signed_on) for party in parties])
    intro = (
        'This Agreement is made on {signed} between {obligor_name} (the "{obligor}") and '
        '{claimant_name} (the "{claimant}").'
    )
    agreement = contract(story, instrument, intro, _SECTIONS, signed, draft=False)
    about = Table(
        ("Claimant", "Against", "Amounts in", "Remark"),
        ((parties[1], parties[0], draw.currency, "Each head is net of insurance payments."),),
        "About",
    )
    return (
        DocumentSpec(f"{instrument}.docx", agreement),
        DocumentSpec("Letter to the company secretary.docx", _letter(story, draft=False)),
        DocumentSpec("loss-schedule.xlsx", (losses, about)),
        DocumentSpec("reply by e-mail.txt", _reply(story)),
        DocumentSpec("Letter - working copy.docx", _letter(story, draft=True), counts=False),
        DocumentSpec("reply (2).txt", _other_reply(draw, story), counts=False),
    )


def _letter(story: Story, *, draft: bool) -> tuple[Block, ...]:
    """The notice of breach; the draft tells other facts and periods, and was never sent."""
    keys = ("breach", "found", "account") + (("cure", "escalation", "cap") if draft else ())
    more = (
        ("termination", "interest", "special_clause", "form") if draft else ("reserve", "no_waiver")
    )
    return (
        Heading(story.say("Notice of breach under the {instrument}")),
        Paragraph(DRAFT if draft else "Signed original, sent by courier"),
        Paragraph(story.say("From {claimant_name} to {obligor_name}, {notice}", wrong=draft)),
        Paragraph(story.say("Dear {copy},", wrong=draft)),
        Paragraph(story.clause("background")),
        Heading("What happened", 2),
        *(Paragraph(story.clause(key, wrong=draft)) for key in keys),
        Heading("What follows from it", 2),
        *(Paragraph(story.clause(key, wrong=draft)) for key in more),
        Paragraph(
            "Please confirm the steps that you will take, and by when, to the undersigned. "
            "Until then our teams will deal with yours in writing only."
        ),
        Paragraph(story.say("{signatory}, for {claimant_name}")),
    )


def _reply(story: Story) -> tuple[Block, ...]:
    return note(
        story.words["signatory2"], story.words["signatory"],
        long_date(_REPLY), story.say("Your notice - {obligor_name}"),
        (
            story.say("We write on behalf of {obligor_name} to {claimant_name}."),
            story.clause("receipt"), story.clause("blame"), story.clause("offer"),
            story.clause("offer_until"),
            "We ask you to note what has been done so far:",
            Bullets((
                "the persons concerned were trained again and the procedure was rewritten",
                "an outside reviewer will report to both companies at our expense",
                "your staff may visit the site on any working day",
            )),
            "We do not accept the loss schedule as it stands and will comment on each head of "
            "loss once the supporting annexes have reached us.",
        ),
    )  # fmt: skip


def _other_reply(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A letter of a neighbouring dispute that was filed here by mistake."""
    other = draw.company("Textiles")
    return note(
        draw.person(), draw.person(), long_date(_REPLY), f"Your notice - {other.name}",
        (
            f"We write on behalf of {other.name} about the looms in its second mill.",
            story.say("Your client says it learned of the breach on {discovered}.", wrong=True),
            story.clause("offer", wrong=True),
            "The looms were inspected by both sides and put back into service; the mill has been "
            "running two shifts since then.",
        ),
    )  # fmt: skip
