"""What the papers of an instrument say, and the points that its abstract must answer."""

from harness_search.simulated.tasks.papers import COMMON_CLAUSES
from harness_search.simulated.tasks.spec import ErrorClass
from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("grant", "care", "special_clause", "special2_clause")
PLAN_CLAUSES = frozenset({"risk", "plan"})
"""Told by the portfolio deck or the review notes alone, which not every matter has."""

CLAUSES = {
    "term": "The term begins on {start}, whatever the day of signature.",
    "expiry": "The expiry date of the term is {end}; the {instrument} does not renew by itself.",
    "charge": "The {charge} set out in the payment schedule is paid in quarterly instalments, each "
    "due within {pay} days after the start of the quarter.",
    "index": "The {charge} follows the consumer price index, but an indexation step may not exceed "
    "{index}% in any year.",
    "default": "Overdue amounts bear default interest of {default}% per year until they are paid.",
    "security": "Before the term begins, the {holder} shall provide {security_sum} as {security}, "
    "in cash or by a bank guarantee.",
    "release": "The {security} is released within {release} calendar days after the end of the "
    "term, less any amounts still owed.",
    "early": "The {holder} may exercise the {early} with effect from {early_date} by giving at "
    "least {early_notice} days' written notice.",
    "early_sum": "On exercise of the {early}, the {holder} pays a compensation of {early_sum} to "
    "the {grantor}.",
    "remedy": "After a warning the defaulting party may remedy a breach within {remedy} days; only "
    "then may the other terminate for cause.",
    "transfer": "The {holder} may transfer this {instrument} to a group company without consent if "
    "{guarantor} guarantees the transferee's obligations.",
    "insurance": "Each party keeps liability cover of {cover} per occurrence and shows the "
    "certificate on request.",
    "law": "This {instrument} is governed by the laws of {law}; the courts of {city} decide all "
    "disputes.",
    "extension": "The {holder} may extend the term once by five years if its extension notice "
    "reaches the {grantor} no later than {extend_by}.",
    "surcharge": "For the extension the {holder} pays a surcharge of {surcharge}% of everything "
    "listed in the payment schedule.",
    "contribution": "The {grantor} makes a contribution of {contribution} towards the cost of "
    "{works}, payable against invoices.",
    "handover": "The {grantor} completes the handover within {handover} business days after "
    "receipt of the {security}.",
    "standstill": "Until the extension notice is due, the {grantor} shall not negotiate with third "
    "parties about the period after the term.",
    "received": "To correct the key dates: receipt of the {security} in full was on {received}, "
    "as the bank now confirms.",
    "contact": "The {grantor} has appointed {contact} as its contact for notices under this "
    "{instrument}.",
    "action": "{action_owner} will collect the missing insurance certificates of both parties by "
    "{action_by}.",
    "risk": "Missing the extension is rated {risk} in the portfolio review, since there is no "
    "substitute nearby.",
    "plan": "{plan_owner} tables the decision whether to extend at the board meeting on {plan_by}.",
    **COMMON_CLAUSES,
}

SECTIONS = (
    ("Subject and use", ("grant", "care")),
    ("Term", ("term", "expiry")),
    ("Payments", ("charge index", "default", "special_clause")),
    ("{security}", ("security", "release")),
    ("Early end", ("early", "early_sum", "remedy")),
    ("Transfer and insurance", ("transfer", "special2_clause", "insurance")),
    ("General terms", ("law", "confidentiality", "entire", "writing")),
)
LETTER_SECTIONS = (
    ("Extension", ("extension", "surcharge", "standstill")),
    ("Contribution", ("contribution",)),
    ("Handover", ("handover",)),
    ("Other terms", ("writing severability",)),
)

_RULE: ErrorClass = "legal-rule use"
_REMEDY: ErrorClass = "remedial action"
_IMPACT: ErrorClass = "materiality/impact"

POINTS = (
    PointTemplate(
        "Expiry date", "state the expiry date of the term of the {instrument}.", ("expiry",),
        (States("end", "the expiry date", ("expiry", "term"), True),),
    ),
    PointTemplate(
        "Payment of the {charge}",
        "state within how many days after the start of the quarter the instalments of the {charge} "
        "are due.", ("charge",),
        (States("pay", "the days for paying an instalment", ("quarter", "quarterly"), True),),
    ),
    PointTemplate(
        "Indexation",
        "state the limit of an indexation step under the consumer price index in any year.",
        ("index",), (States("index", "the limit of indexation", ("index", "indexation"), True),),
    ),
    PointTemplate(
        "Default interest", "state the default interest per year on overdue amounts.",
        ("default",),
        (States("default", "the default interest", ("default", "overdue"), True, _RULE),),
    ),
    PointTemplate(
        "Amount of the {security}",
        "state the sum of the {security} that the {holder} shall provide before the term begins.",
        ("security",), (States("security_sum", "the {security}", ("{security}",), True),),
    ),
    PointTemplate(
        "Release of the {security}",
        "state within how many calendar days after the end of the term the {security} is released, "
        "less amounts still owed.", ("release",),
        (States("release", "the days for the release", ("release", "released"), True),),
    ),
    PointTemplate(
        "Notice for the {early}",
        "state from which date the {holder} may exercise the {early} and how many days' written "
        "notice it needs.", ("early",),
        (
            States("early_date", "the date from which the {early} has effect", ("{early}",), True),
            States("early_notice", "the notice period of the {early}", ("{early}",), True),
        ),
    ),
    PointTemplate(
        "Compensation for the {early}",
        "state the compensation that the {holder} pays on exercise of the {early}.",
        ("early_sum",),
        (States("early_sum", "the compensation", ("compensation",), True, _IMPACT),),
    ),
    PointTemplate(
        "Remedy of a breach",
        "state within how many days after a warning the defaulting party may remedy a breach.",
        ("remedy",), (States("remedy", "the days to remedy", ("remedy",), True, _REMEDY),),
    ),
    PointTemplate(
        "Guarantor of a transferee",
        "name the company that guarantees the transferee's obligations on a transfer to a group "
        "company.", ("transfer",), (States("guarantor", "the guarantor", guarded=True),),
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
        "Liability cover", "state the liability cover per occurrence that each party keeps.",
        ("insurance",), (States("cover", "the liability cover", ("cover",), True),),
    ),
    PointTemplate(
        "Governing law", "state the laws that govern the {instrument} and which courts decide "
        "disputes.", ("law",),
        (
            States("law", "the governing law", error_class=_RULE),
            States("city", "the courts that decide disputes"),
        ),
    ),
    PointTemplate(
        "Extension",
        "state the date by which the extension notice must reach the {grantor} for the term to be "
        "extended.", ("extension",),
        (States("extend_by", "the last date for the extension notice", ("extension",), True),),
    ),
    PointTemplate(
        "Surcharge", "state the surcharge that the {holder} pays for the extension, as a "
        "percentage of everything listed in the payment schedule.", ("surcharge",),
        (States("surcharge", "the surcharge", ("surcharge",), error_class="coverage"),),
    ),
    PointTemplate(
        "Contribution to costs",
        "state the contribution of the {grantor} towards the cost of {works}.", ("contribution",),
        (States("contribution", "the contribution", ("contribution",)),),
    ),
    PointTemplate(
        "Receipt of the {security}",
        "state the corrected date on which receipt of the {security} in full was confirmed by the "
        "bank.", ("received",),
        (
            States("received", "the date of receipt of the {security}", ("received", "receipt"),
                   True),
        ),
    ),
    PointTemplate(
        "Contact for notices", "name the contact whom the {grantor} has appointed for notices.",
        ("contact",), (States("contact", "the contact for notices"),),
    ),
    PointTemplate(
        "Missing certificates",
        "name who will collect the missing insurance certificates, and by when.", ("action",),
        (
            States("action_owner", "who collects the certificates", (), True, _REMEDY),
            States("action_by", "the date for the certificates", ("certificates",), True, _REMEDY),
        ),
    ),
    PointTemplate(
        "Weight of the extension",
        "state how missing the extension is rated in the portfolio review.", ("risk",),
        (States("risk", "the rating of a missed extension", error_class=_IMPACT),),
    ),
    PointTemplate(
        "Decision to extend",
        "name who tables the decision whether to extend, and the date of the board meeting.",
        ("plan",),
        (
            States("plan_owner", "who tables the decision", (), True, _REMEDY),
            States("plan_by", "the date of the board meeting", ("board", "decision"), True),
        ),
    ),
    PointTemplate(
        "Total {charge}",
        'state the total of the "{column}" column in the payment schedule.', (),
        (States("total", "the total of the {charge} over the years", ("{charge}", "total")),),
        "The total of the {charge} in the payment schedule is {total}.",
    ),
    PointTemplate(
        "Release date",
        "compute the last day for releasing: add the period within which the {security} is "
        "released in calendar days to the expiry date of the term.", (),
        (States("released", "the last day for releasing", ("release", "released")),),
        "The {security} must be released by {released} at the latest.",
    ),
    PointTemplate(
        "End of the handover",
        "compute the last day for the handover: add the period in which the {grantor} completes "
        "the handover in business days to the date of receipt of the {security} in full.", (),
        (States("handed_over", "the last day for the handover", ("handover",)),),
        "The handover had to be completed by {handed_over}.",
    ),
    PointTemplate(
        "Price of the extension",
        "compute the price of the extension: apply the surcharge percentage to the total of the "
        '"{column}" column.', (),
        (States("extension_surcharge", "the price of the extension", ("extension",)),),
        "The extension costs a surcharge of {extension_surcharge}.",
    ),
)  # fmt: skip
