"""What the papers of a filing matter say, and the points that a strategy memo must answer."""

from harness_search.simulated.tasks.papers import COMMON_CLAUSES
from harness_search.simulated.tasks.spec import ErrorClass
from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("rule", "finding", "special_clause")
DECK_CLAUSES = frozenset({"remedy_plan", "paper_plan", "risk_grade"})
"""Told by the strategy deck alone, which not every matter has."""

CLAUSES = {
    "deal": "The transaction is {deal}.",
    "covenant": "The parties shall submit the {filing} no later than {file_within} business days "
    "after the date of signing, and shall answer questions of the {authority} without delay.",
    "cap": "The Purchaser need not offer commitments beyond the remedy ceiling of {cap_share}% of "
    "the figures in the {sheet}.",
    "fee_share": "The Purchaser bears {fee_share}% of all filing fees, and the other side bears "
    "the rest.",
    "longstop": "If the {authority} has not given clearance by {longstop}, the long stop date, "
    "either party may withdraw; one prolongation of {extension} days is allowed.",
    "reverse": "Should clearance be refused for good, the Purchaser owes a reverse termination fee "
    "of {reverse} as the only compensation.",
    "lead": "The Purchaser leads the proceedings, shares every draft beforehand and lets the other "
    "side attend all meetings.",
    "standstill": "Until clearance the parties remain independent; they exchange sensitive data "
    "through the clean team only.",
    "size": "Deals with a consideration of more than {size} must be notified; smaller ones may be "
    "called in.",
    "waiting": "The waiting period lasts {waiting} calendar days from submission, and nothing may "
    "be completed before it has run off.",
    "second": "A request for further information suspends the timetable; the in-depth phase then "
    "takes {second_wait} business days after substantial compliance.",
    "fee": "A processing charge of {fee} is due by wire transfer before the {filing} is "
    "registered.",
    "fine": "Gun-jumping is punished with a penalty of up to {fine} for every day.",
    "confidential": "Business secrets are to be marked in the margin; a version for publication "
    "follows within the same week.",
    "signing": "Correction for the chronology: the date of signing was {signing}, when the last "
    "signature page was released.",
    "third_hot": "A third hot document has turned up: {h3_author} told the regional managers that "
    '"{h3_phrase}".',
    "action": "{action_owner} will interview the authors of the hot documents and send an "
    "explanation for each to {partner} by {action_by}.",
    "budget": "The client has approved a budget of {budget} for the clearance work, not to be "
    "exceeded without a new mandate.",
    "remedy_plan": "The fallback is the {remedy}, to be taken over by {remedy_buyer}; "
    "{remedy_owner} assembles the package.",
    "paper_plan": "{paper_author} files the {paper} by {paper_by}.",
    "risk_grade": "Overall clearance risk: graded {risk} by the steering group after "
    "a first look at the hot documents.",
    "first_hot": 'Document H-1, a {h1_kind} by {h1_author}, says "{h1_phrase}" and is rated '
    "{h1_grade}.",
    "second_hot": 'Document H-2, a {h2_kind}, says "{h2_phrase}" and is rated {h2_grade}.',
    "submission_planned": "The {filing} is planned to go out on {submission}.",
    **COMMON_CLAUSES,
}

AGREEMENT_SECTIONS = (
    ("The transaction", ("deal",)),
    ("Regulatory filings", ("covenant", "lead", "fee_share")),
    ("Commitments to the {authority}", ("cap", "special_clause")),
    ("Long stop date", ("longstop", "reverse")),
    ("Conduct before completion", ("standstill",)),
    ("General terms", ("confidentiality entire", "writing")),
)
GUIDANCE_SECTIONS = (
    ("When a {filing} is required", ("size", "rule")),
    ("Procedure", ("waiting", "second", "fee")),
    ("Sanctions and secrets", ("fine", "confidential")),
)
DRAFT_SECTIONS = (
    ("Obligations under the {agreement}", ("covenant", "cap fee_share", "longstop", "reverse")),
    ("Test applied by the {authority}", ("rule", "finding", "size")),
    ("Timetable and money", ("waiting", "second", "fee", "budget", "submission_planned")),
    ("Hot documents", ("first_hot", "second_hot", "third_hot", "action")),
    ("Way forward", ("remedy_plan", "paper_plan", "risk_grade")),
)

_RULE: ErrorClass = "legal-rule use"
_REMEDY: ErrorClass = "remedial action"
_IMPACT: ErrorClass = "materiality/impact"

POINTS = (
    PointTemplate(
        "Transaction", "state what the transaction is and who is on the other side of {target}.",
        ("deal",), (States("buyer", "the other party to the transaction", guarded=True),),
    ),
    PointTemplate(
        "Duty to file",
        "state how many business days after the date of signing the parties shall submit the "
        "{filing} at the latest.", ("covenant",),
        (States("file_within", "the business days for submitting", ("submit", "file"), True),),
    ),
    PointTemplate(
        "Remedy ceiling",
        "state the remedy ceiling beyond which the Purchaser need not offer commitments, as a "
        "percentage of the figures in the {sheet}.", ("cap",),
        (States("cap_share", "the remedy ceiling", ("ceiling", "commitments"), True),),
    ),
    PointTemplate(
        "Long stop date",
        "state the long stop date after which either party may withdraw, and the days of the "
        "prolongation that is allowed.", ("longstop",),
        (
            States("longstop", "the long stop date", ("long stop", "withdraw"), True),
            States("extension", "the prolongation", ("prolongation", "long stop"), True),
        ),
    ),
    PointTemplate(
        "Reverse termination fee",
        "state the reverse termination fee that the Purchaser owes should clearance be refused.",
        ("reverse",), (States("reverse", "the reverse fee", ("reverse",), True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}"),),
    ),
    PointTemplate(
        "{rule_name}", "{rule_asks}", ("rule",),
        (
            States("limit", "the first limit of the rule", ("{rule_name}",), True, _RULE),
            States("limit2", "the second limit of the rule", ("{rule_name}",), True, _RULE),
        ),
    ),
    PointTemplate(
        "Size of deal", "state the consideration above which deals must be notified.", ("size",),
        (States("size", "the consideration above which to notify", ("notified",), True, _RULE),),
    ),
    PointTemplate(
        "Waiting period",
        "state how many calendar days the waiting period lasts from submission.", ("waiting",),
        (States("waiting", "the waiting period", ("waiting period",), True, _RULE),),
    ),
    PointTemplate(
        "In-depth phase",
        "state how many business days the in-depth phase takes after substantial compliance with "
        "a request for further information.", ("second",),
        (States("second_wait", "the length of the in-depth phase", ("in-depth",), True, _RULE),),
    ),
    PointTemplate(
        "Processing charge",
        "state the processing charge that is due by wire transfer before registration.", ("fee",),
        (States("fee", "the processing charge", ("charge",), True),),
    ),
    PointTemplate(
        "Gun-jumping", "state the penalty for every day of gun-jumping.", ("fine",),
        (States("fine", "the penalty per day", ("gun-jumping",), error_class=_RULE),),
    ),
    PointTemplate(
        "{finding_name}", "{finding_asks}", ("finding",),
        (
            States("level", "the level found", ("{finding_name}",), True, _IMPACT),
            States("change", "the change or second figure found", ("{finding_name}",), True),
        ),
    ),
    PointTemplate(
        "Date of signing", "state the date of signing, as corrected in the chronology.",
        ("signing",), (States("signing", "the date of signing", ("signing",), True),),
    ),
    PointTemplate(
        "Document H-1",
        "quote the marked passage of H-1, the {h1_kind}, name who wrote it and give its grade.",
        ("first_row",),
        (
            States("h1_phrase", "the words of document H-1", guarded=True),
            States("h1_author", "the author of document H-1"),
            States("h1_grade", "the grade of document H-1", error_class=_IMPACT),
        ),
    ),
    PointTemplate(
        "Document H-2", "quote the marked passage of H-2, the {h2_kind}, and give its grade.",
        ("second_row",),
        (
            States("h2_phrase", "the words of document H-2", guarded=True),
            States("h2_grade", "the grade of document H-2", error_class=_IMPACT),
        ),
    ),
    PointTemplate(
        "Third hot document",
        "quote what the regional managers were told in the third hot document, and by whom.",
        ("third_hot",),
        (
            States("h3_phrase", "the words of the third hot document", guarded=True),
            States("h3_author", "who told the regional managers", error_class="source grounding"),
        ),
    ),
    PointTemplate(
        "Explanation of the hot documents",
        "name who will interview the authors of the hot documents, and by when an explanation for "
        "each is sent.", ("action",),
        (
            States("action_owner", "who explains the hot documents", (), True, _REMEDY),
            States("action_by", "the date for the explanation", ("explanation",), True, _REMEDY),
        ),
    ),
    PointTemplate(
        "Fallback remedy",
        "name who would take over under the fallback, the {remedy}, and who assembles the "
        "package.", ("remedy_plan",),
        (
            States("remedy_buyer", "who takes over under the remedy", (), True, _REMEDY),
            States("remedy_owner", "who assembles the remedy package", (), True, _REMEDY),
        ),
    ),
    PointTemplate(
        "Advocacy paper", "name who files the {paper}, and by when.", ("paper_plan",),
        (
            States("paper_author", "who files the paper"),
            States("paper_by", "the date for filing the paper", ("paper",), True),
        ),
    ),
    PointTemplate(
        "Overall clearance risk",
        "state how the steering group graded the overall clearance risk.", ("risk_grade",),
        (States("risk", "the grade of the clearance risk", error_class=_IMPACT),),
    ),
    PointTemplate(
        "Sum of the {sheet}", 'state the total of the "{column}" column in the {sheet}.', (),
        (States("total", "the total of the {sheet}", ("{column}", "{sheet}", "total")),),
        'The total of the "{column}" column in the {sheet} is {total}.',
    ),
    PointTemplate(
        "Last day for the {filing}",
        "compute the last day for submitting: add the period within which the parties shall submit "
        "the {filing} in business days to the date of signing.", (),
        (States("deadline", "the last day for submitting", ("last day", "submitted")),),
        "The {filing} must be submitted by {deadline}.",
    ),
    PointTemplate(
        "End of the waiting period",
        "compute the end of the waiting period: add the waiting period in calendar days to the "
        "planned date of submission.", (),
        (States("waiting_end", "the end of the waiting period", ("waiting period",)),),
        "If the timetable holds, the waiting period ends on {waiting_end}.",
    ),
    PointTemplate(
        "Largest remedy",
        "compute the largest remedy that the Purchaser must accept: apply the remedy ceiling "
        'percentage to the total of the "{column}" column.', (),
        (States("ceiling", "the largest remedy in figures", ("remedy",)),),
        "The largest remedy that the Purchaser must accept comes to {ceiling}.",
    ),
    PointTemplate(
        "Budget left",
        'compute what is left of the budget: subtract the total of the "Estimated cost" column '
        "from the approved budget for the clearance work.", (),
        (States("budget_left", "what is left of the budget", ("budget",)),),
        "Of the approved budget {budget_left} is left.",
    ),
)  # fmt: skip
