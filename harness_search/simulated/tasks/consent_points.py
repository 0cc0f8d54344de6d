"""What the papers of a consent survey say, and the points that the survey must answer."""

from harness_search.simulated.tasks.papers import COMMON_CLAUSES
from harness_search.simulated.tasks.spec import ErrorClass
from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("grant", "grant2", "special_clause", "special2_clause")
AMENDMENT_CLAUSES = frozenset({"guarantee", "cure", "handling"})
"""Told by the amendment alone, which not every matter has."""
PLAN_CLAUSES = frozenset({"grade", "plan"})
"""Told by the steering deck or checklist alone, which not every matter has."""

CLAUSES = {
    "term": "This Agreement starts on {start} and its initial term expires on {expiry}, unless it "
    "is terminated earlier.",
    "renewal": "It then renews for successive periods of one year, unless a party gives notice of "
    "non-renewal at least {renewal} days before the end of the current period.",
    "payment": "Invoices are issued monthly in arrears in {currency} and are payable without "
    "deduction to the account named on the invoice.",
    "assignment": "Neither party may assign its rights under this Agreement without the written "
    "consent of the other, except that the {role} may assign receivables to {bank}.",
    "trigger": "A change of control occurs when a person acquires, directly or indirectly, more "
    "than {threshold}% of the voting shares of the Company.",
    "request": "The Company shall submit its request for consent to a change of control at least "
    "{request} days before completion of the transaction.",
    "addressee": "The request must be addressed to {addressee}, general counsel of the {role}, "
    "and must name the acquirer and its ultimate owner.",
    "silence": "If the {role} does not answer a complete request within {silence} calendar days "
    "after it was sent, its consent is deemed to be {effect}.",
    "termination": "If a change of control is completed without consent, the {role} may terminate "
    "this Agreement on {termination} days' written notice.",
    "cap": "The total liability of a party under this Agreement in a contract year is limited to "
    "{cap}, except for fraud and wilful misconduct.",
    "law": "This Agreement is governed by the laws of {law}, and the courts of {city} have "
    "exclusive jurisdiction.",
    "notify": "A change in the ownership of the Company does not require the consent of the "
    "{role2}, but the Company shall notify it in writing within {notify} business days after "
    "completion.",
    "break_fee": "If the {role2} objects to the new owner on reasonable grounds, the Company may "
    "end this Agreement against payment of a break fee of {break_fee}.",
    "subcontract": "The {role2} may use subcontractors from the approved list and answers for "
    "them as for itself.",
    "law2": "This Agreement is subject to the laws of {law2}; disputes go to the courts of "
    "{city2}.",
    "guarantee": "A parent of lesser standing than the present one must replace the parent company "
    "guarantee by a bank guarantee of {guarantee}.",
    "cure": "If that guarantee lapses, the Company has a cure period of {cure} days to provide a "
    "new one.",
    "handling": "For examining a request the {role} may charge a handling fee of {handling}, "
    "whether or not it agrees.",
    "unchanged": "All other provisions of the {first} remain as they are.",
    "deal": "The transaction is {deal}.",
    "timetable": "Signature is planned for {signing}, by video call.",
    "completion": "Completion of the transaction is planned for {completion}.",
    "sent": "The complete request for consent under the {first} was sent by courier on {sent}, "
    "which corrects the tracker.",
    "price": "The purchase price is {price}, payable in cash at completion, with no adjustment "
    "for working capital.",
    "retention": "As retention the acquirer keeps back {retention}% of the annual fees in the "
    "register until every counterparty has answered.",
    "action": "{action_owner} prepares the letter that notifies the {role2} and lets us have it by "
    "{action_by}.",
    "grade": "Loss of the {first} is graded {grade} for the business.",
    "plan": "If the {role} stays silent, {plan_owner} opens talks on a replacement contract by "
    "{plan_by}.",
    **COMMON_CLAUSES,
}

FIRST_SECTIONS = (
    ("Subject", ("grant", "payment special_clause")),
    ("Term and renewal", ("term renewal",)),
    ("Confidentiality", ("confidentiality",)),
    ("Assignment", ("assignment",)),
    ("Change of control", ("trigger", "request addressee", "silence", "termination")),
    ("Liability", ("cap",)),
    ("Governing law and general terms", ("law", "entire writing")),
)
SECOND_SECTIONS = (
    ("Services", ("grant2", "special2_clause", "subcontract")),
    ("Change of ownership", ("notify", "break_fee")),
    ("General terms", ("law2", "writing severability")),
)
AMENDMENT_SECTIONS = (
    ("Security after a change of control", ("guarantee", "cure")),
    ("Cost of a request", ("handling",)),
    ("General", ("unchanged",)),
)

_RULE: ErrorClass = "legal-rule use"
_REMEDY: ErrorClass = "remedial action"
_IMPACT: ErrorClass = "materiality/impact"

POINTS = (
    PointTemplate(
        "Transaction", "state what the transaction is and who acquires the shares.", ("deal",),
        (States("buyer", "the acquirer", guarded=True),),
    ),
    PointTemplate(
        "Change of control threshold",
        "state the percentage of voting shares whose acquisition is a change of control of the "
        "Company under the {first}.", ("trigger",),
        (States("threshold", "the change of control threshold", ("change of control",), True,
                _RULE),),
    ),
    PointTemplate(
        "Request for consent",
        "state how many days before completion of the transaction the Company shall submit the "
        "request for consent to a change of control.", ("request",),
        (States("request", "the days before completion to request consent", ("request",), True),),
    ),
    PointTemplate(
        "Addressee of the request",
        "name the general counsel to whom the request must be addressed.", ("addressee",),
        (States("addressee", "the addressee of the request for consent", guarded=True),),
    ),
    PointTemplate(
        "Effect of silence",
        "state what is deemed if the {role} does not answer a complete request, and after how "
        "many calendar days.", ("silence",),
        (
            States("silence", "the days after which silence counts", ("deemed", "silence"), True),
            States("effect_phrase", "the effect of silence", error_class=_RULE),
        ),
    ),
    PointTemplate(
        "Termination without consent",
        "state on how many days' written notice the {role} may terminate if a change of control "
        "is completed without consent.", ("termination",),
        (States("termination", "the termination notice period", ("terminate",), True, _IMPACT),),
    ),
    PointTemplate(
        "Term and renewal",
        "state when the initial term of the {first} expires, and how many days before the end of "
        "the current period notice of non-renewal is given.", ("term", "renewal"),
        (
            States("expiry", "the end of the initial term", ("term", "expires"), True),
            States("renewal", "the notice of non-renewal", ("renewal", "non-renewal"), True),
        ),
    ),
    PointTemplate(
        "Assignment of receivables",
        "name the bank to which the {role} may assign receivables without the written consent of "
        "the other party.", ("assignment",),
        (States("bank", "the bank to which receivables may be assigned", guarded=True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "Liability cap",
        "state the amount to which the total liability of a party in a contract year is limited.",
        ("cap",), (States("cap", "the liability cap per contract year", ("liability",), True),),
    ),
    PointTemplate(
        "Governing law of the {first}",
        "state which laws govern the {first} and which courts have exclusive jurisdiction.",
        ("law",),
        (
            States("law", "the governing law", error_class=_RULE),
            States("city", "the courts with jurisdiction"),
        ),
    ),
    PointTemplate(
        "Notification of the {role2}",
        "state within how many business days after completion the Company shall notify the "
        "{role2} in writing of a change in its ownership.", ("notify",),
        (States("notify", "the days to notify the {role2}", ("notify", "notification")),),
    ),
    PointTemplate(
        "Break fee", "state the break fee payable if the {role2} objects to the new owner.",
        ("break_fee",), (States("break_fee", "the break fee", ("break fee",)),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Planned completion", "state the date planned for completion of the transaction.",
        ("completion",),
        (States("completion", "the planned completion date", ("completion",), True),),
    ),
    PointTemplate(
        "Dispatch of the request",
        "state the date on which the complete request for consent under the {first} was sent by "
        "courier, as corrected.", ("sent",),
        (States("sent", "the day on which the request was sent", ("sent", "dispatch"), True),),
    ),
    PointTemplate(
        "Retention", "state the percentage of the annual fees in the register that the acquirer "
        "keeps back as retention.", ("retention",),
        (States("retention", "the retention", ("retention",), True),),
    ),
    PointTemplate(
        "Letter to the {role2}",
        "name who prepares the letter that notifies the {role2}, and by when.", ("action",),
        (
            States("action_owner", "who prepares the letter", (), True, _REMEDY),
            States("action_by", "the date for the letter", ("letter",), True, _REMEDY),
        ),
    ),
    PointTemplate(
        "{third_short} contract",
        "state the governing law and the expiry date of the {third_contract} with {third}.",
        ("register_row",),
        (
            States("third_law", "the governing law of the {third_short} contract"),
            States("third_expiry", "the expiry of the {third_short} contract", ("{third_short}",),
                   error_class="coverage"),
        ),
    ),
    PointTemplate(
        "Guarantee of a new parent",
        "state the bank guarantee by which a parent of lesser standing must replace the parent "
        "company guarantee.", ("guarantee",),
        (States("guarantee", "the bank guarantee", ("guarantee",), error_class=_IMPACT),),
    ),
    PointTemplate(
        "Cure period", "state the cure period in days if the guarantee lapses.", ("cure",),
        (States("cure", "the cure period", ("cure",), error_class=_REMEDY),),
    ),
    PointTemplate(
        "Handling fee", "state the handling fee that the {role} may charge for examining a "
        "request.", ("handling",), (States("handling", "the handling fee", ("handling",)),),
    ),
    PointTemplate(
        "Weight of the {first}",
        "state how the loss of the {first} is graded for the business.", ("grade",),
        (States("grade", "the grade of the loss", error_class=_IMPACT),),
    ),
    PointTemplate(
        "Replacement contract",
        "name who opens talks on a replacement contract if the {role} stays silent, and by when.",
        ("plan",),
        (
            States("plan_owner", "who opens talks on a replacement", (), True, _REMEDY),
            States("plan_by", "the date for opening talks", ("talks",), True, _REMEDY),
        ),
    ),
    PointTemplate(
        "Total annual fees",
        'state the total of the "Annual fee" column in the contract register.', (),
        (States("total", "the total of the annual fees", ("annual fees", "annual fee", "total")),),
        "The total of the annual fees in the contract register is {total}.",
    ),
    PointTemplate(
        "Deemed answer date",
        "compute the last day for an answer: add the period in which the {role} does not answer "
        "in calendar days to the date on which the complete request was sent by courier.", (),
        (States("deemed", "the last day for an answer to the request", ("answer",)),),
        "The time for an answer to the request for consent ends on {deemed}.",
    ),
    PointTemplate(
        "Last day to notify the {role2}",
        "compute the last day for notifying: add the period in which the Company shall notify a "
        "change in its ownership in business days to the date planned for completion of the "
        "transaction.", (),
        (States("notify_by", "the last day to notify the {role2}", ("notify", "notified")),),
        "The {role2} must be notified by {notify_by} if completion takes place as planned.",
    ),
    PointTemplate(
        "Sum kept back",
        "compute the sum that the acquirer keeps back: apply the retention percentage to the total "
        'of the "Annual fee" column.', (),
        (States("kept", "the sum that the acquirer keeps back"),),
        "The acquirer keeps back {kept} until every counterparty has answered.",
    ),
)  # fmt: skip
