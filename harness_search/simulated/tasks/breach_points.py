"""What the papers of a notice of breach say, and the points that ask for it."""

from harness_search.simulated.tasks.papers import COMMON_CLAUSES
from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("forum", "special_clause", "special2_clause")
CLAUSES = {
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
    "dated": "This letter of notice is dated {notice}.",
    "withhold": "While a breach is not cured, the {claimant} may withhold up to {withhold}% of "
    "each amount that falls due.",
    "substitute": "If the default lasts longer than {step_in} days, the {claimant} may have the "
    "duty performed by a substitute at the cost of the {obligor}.",
    "lapse": "Claims lapse unless they are brought within {suit} days after they were notified.",
    "answer": "The answer period for a settlement proposal is {answer} business days from the day "
    "on which it arrived.",
    "arrival": "Their settlement proposal arrived on {arrived}.",
    "severity": "The board of {claimant_name} rates the incident as {severity}, because {exposed}, "
    "worth {exposure} a year, may be lost.",
    "step": "The standstill letter is prepared by {owner}, who sends it to the other side before "
    "{step_due}.",
    "expert": "{expert} was retained as quantum expert on a budget of {budget}.",
    "receipt": "We received your notice of breach by courier on {receipt}.",
    "blame": "The cause was {blamed_for} at our subcontractor {blamed}, which we have since "
    "replaced.",
    "offer": "Without admission of liability we offer {offer} in full settlement; the offer stays "
    "open until {offer_until}.",
    **COMMON_CLAUSES,
}
TOLD_ELSEWHERE = (
    "dated", "found", "account", "cure", "answer", "arrival", "escalation", "substitute", "lapse",
    "severity", "step", "expert", "receipt", "blame", "offer", "interest", "cap",
)  # fmt: skip
SECTIONS = (
    ("Performance", ("duty records", "contacts", "special_clause", "special2_clause")),
    ("Notice and cure", ("form", "cure", "withhold", "substitute")),
    ("Escalation and termination", ("escalation", "answer", "termination")),
    ("Liability", ("cap interest", "lapse", "force")),
    ("Law and disputes", ("law forum",)),
    ("General terms", ("confidentiality", "entire", "writing severability")),
)

POINTS = (
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
        "the settlement offer stays open.", ("offer",),
        (
            States("offer", "the sum offered in settlement", ("settlement",), True),
            States("offer_until", "the date until which the offer stays open", ("open", "offer")),
        ),
    ),
    PointTemplate(
        "Withholding of payments",
        "state which share of each amount that falls due the {claimant} may withhold while a "
        "breach is not cured.", ("withhold",),
        (
            States("withhold", "the share that may be withheld", ("withhold", "withholding"), True,
                   error_class="legal-rule use"),
        ),
    ),
    PointTemplate(
        "Substitute performance",
        "state how many days the default must last before a substitute may perform the duty at "
        "the cost of the {obligor}.", ("substitute",),
        (
            States("step_in", "the days of default before substitute performance", ("substitute",),
                   True, error_class="legal-rule use"),
        ),
    ),
    PointTemplate(
        "Lapse of claims",
        "state within how many days after they were notified claims must be brought, as they lapse "
        "otherwise.", ("lapse",),
        (
            States("suit", "the days after which claims lapse", ("lapse",), True,
                   error_class="legal-rule use"),
        ),
    ),
    PointTemplate(
        "Severity of the incident",
        "state how the board of {claimant_name} rates the incident, and what the loss of "
        "{exposed} would be worth a year.", ("severity",),
        (
            States("severity", "the rating of the incident", (), True,
                   error_class="materiality/impact"),
            States("exposure", "the yearly worth of: {exposed}", ("worth", "rates"), True,
                   error_class="materiality/impact"),
        ),
    ),
    PointTemplate(
        "Standstill letter",
        "name who prepares the standstill letter, and the date before which it is sent to the "
        "other side.", ("step",),
        (
            States("owner", "who prepares the standstill letter", (), True,
                   error_class="remedial action"),
            States("step_due", "the date before which the standstill letter is sent", (), True,
                   error_class="remedial action"),
        ),
    ),
    PointTemplate(
        "Quantum expert",
        "name who was retained as quantum expert, and on what budget.", ("expert",),
        (
            States("expert", "the quantum expert"),
            States("budget", "the budget of the quantum expert", ("expert", "budget"), True),
        ),
    ),
    PointTemplate(
        "Insurance",
        "state the excess under the {policy} with {insurer}, and when the claim was lodged.",
        ("insurance_row",),
        (
            States("excess", "the excess under the {policy}"),
            States("lodged", "when the claim was lodged with {insurer}"),
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
        "compute the end of the cure period: add the period to cure a breach in calendar days to "
        "the day on which this letter of notice is dated.", (),
        (States("cured_by", "the end of the cure period"),),
        "Counted from the date of the notice, the cure period ends on {cured_by}.",
    ),
    PointTemplate(
        "Answer to the settlement proposal",
        "compute the last day for an answer: add the answer period for a settlement proposal in "
        "business days to the day on which their settlement proposal arrived.", (),
        (States("answer_by", "the last day for an answer to the settlement proposal"),),
        "An answer to the settlement proposal is due by {answer_by}.",
    ),
    PointTemplate(
        "Room under the liability cap",
        'compute the room under the liability cap: subtract the total of the "Loss claimed" column '
        "from the amount to which the liability of the {obligor} is limited in aggregate.", (),
        (States("room", "the room left under the liability cap"),),
        "After the losses claimed, the room under the liability cap is {room}.",
    ),
)  # fmt: skip
