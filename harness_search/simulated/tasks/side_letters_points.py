"""What an agreement and the letters beside it say, and what the assignment asks about them."""

from collections.abc import Mapping

from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = (
    "rate_clause", "threshold_clause", "excluded_clause", "transfer_clause", "cap_clause",
    "discount_clause", "excuse_clause", "report_clause", "co_clause", "answer_clause",
    "key_clause", "consent_clause", "draw_clause", "offer_clause", "conflict_clause",
)  # fmt: skip

CLAUSES: Mapping[str, str] = {
    "election": "The election period is {election} {kind} days and begins with the closing notice; "
    "whoever is silent by its end has elected nothing.",
    "order": "Where a {letter} departs from the {instrument}, the {letter} prevails for the one "
    "{role} to which it is addressed and for nobody else.",
    "signer": "For {first_name}, {signer} signs as authorised officer.",
    "subscribed": "With this letter we return the signed form for {subscribed}.",
    "effective": "What is promised to {first} takes effect on {effective}.",
    "silence": "The terms of this letter may be shown to advisers and, without the name, to those "
    "who may elect them; nobody else is told of them.",
    "second_signer": "For {second_name}, the undersigned confirms that no other promise was made.",
    "commitment": "One figure has to be corrected: the {amount} of {first} is {commitment}.",
    "closing": "The date of the closing notice is {closing}; it went out to everybody in the "
    "register.",
    "severity": "Severity: the conflict is {severity}, because {impact}.",
    "cure": "The cure is to {cure}; its owner is {cure_owner} and it falls due on {cure_due}.",
    "next": "The next step is to {next_text} by {next_date}.",
}

_AGREEMENT = (
    PointTemplate(
        "{rate_title}", "{rate_asks}", ("rate_clause",),
        (States("rate", "the percentage for: {rate_title}", (), True),),
    ),
    PointTemplate(
        "Who may elect", "{threshold_asks}", ("threshold_clause",),
        (
            States(
                "threshold", "the threshold for an election", ("elect",), True,
                error_class="legal-rule use",
            ),
        ),
    ),
    PointTemplate(
        "Terms outside the election", "{excluded_asks}", ("excluded_clause",),
        (States("excluded", "what no election extends to", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "Election period",
        "state the election period that begins with the closing notice, at the end of which "
        "whoever is silent has elected nothing.", ("election",),
        (States("election", "the election period in {kind} days", ("election period",), True),),
    ),
    PointTemplate(
        "{transfer_title}", "{transfer_asks}", ("transfer_clause",),
        (States("transfer", "the days for: {transfer_title}", ("days",), True, "legal-rule use"),),
    ),
)  # fmt: skip

_FIRST_LETTER = (
    PointTemplate(
        "Officer of {first}", "name the authorised officer who signs for {first}.", ("signer",),
        (States("signer", "the officer who signs for {first}", guarded=True),),
    ),
    PointTemplate(
        "Effect of the promises", "state when what is promised to {first} takes effect.",
        ("effective",), (States("effective", "the date of effect", guarded=True),),
    ),
    PointTemplate(
        "Corrected figure", "state the {amount} of {first} after the figure was corrected by "
        "e-mail.", ("commitment",),
        (States("commitment", "the corrected figure", guarded=True),),
    ),
    PointTemplate(
        "{discount_title}", "{discount_asks}", ("discount_clause",),
        (States("discount", "the percentage for: {discount_title}", (), True),),
    ),
    PointTemplate(
        "{excuse_title}", "{excuse_asks}", ("excuse_clause",),
        (States("excuse", "the content of: {excuse_title}", (), True, "coverage"),),
    ),
    PointTemplate(
        "{report_title}", "{report_asks}", ("report_clause",),
        (States("report", "the days for: {report_title}", ("days",), True),),
    ),
)  # fmt: skip

_SECOND_LETTER = (
    PointTemplate(
        "{co_title}", "{co_asks}", ("co_clause",),
        (States("co", "the percentage for: {co_title}", (), True),),
    ),
    PointTemplate(
        "{answer_title}", "{answer_asks}", ("answer_clause",),
        (States("answer", "the answer period", ("answer period",), True),),
    ),
    PointTemplate(
        "{key_title}", "{key_asks}", ("key_clause",),
        (
            States("key_person", "the person named in: {key_title}", guarded=True),
            States("key_days", "the days of: {key_title}", ("days",), True),
        ),
    ),
    PointTemplate(
        "{consent_title}", "{consent_asks}", ("consent_clause",),
        (States("consent", "the content of: {consent_title}", (), True, "coverage"),),
    ),
)  # fmt: skip

_FINDINGS = (
    PointTemplate(
        "Cost of the conflict", "{conflict_asks}", ("conflict_clause",),
        (
            States(
                "affected", "the sum at stake in the conflict", (), True,
                error_class="materiality/impact",
            ),
        ),
    ),
    PointTemplate(
        "Severity of the conflict", "state how the conflict is rated, and because of what.",
        ("severity",),
        (States("severity", "how the conflict is rated", (), True, "materiality/impact"),),
    ),
    PointTemplate(
        "Cure of the conflict",
        "state what the cure is, who its owner is and on which date it falls due.", ("cure",),
        (
            States("cure", "the cure", (), True, "remedial action"),
            States("cure_owner", "the owner of the cure", (), True, "remedial action"),
            States("cure_due", "the date on which the cure falls due", ("cure",), True),
        ),
    ),
    PointTemplate(
        "Next step", "state by which date the next step is to be taken: to {next_text}.", ("next",),
        (States("next_date", "the date of the next step", (), True, "remedial action"),),
    ),
    PointTemplate(
        "{third} in the register",
        "state the domicile of {third}, and the amount beside its name in the register.",
        ("row",),
        (
            States("third_domicile", "the domicile of {third}"),
            States("third_amount", "the {amount} of {third}", ("{third}",)),
        ),
    ),
)  # fmt: skip

_COMPUTED = (
    PointTemplate(
        "Total in the register",
        'state the total of the "{column}" column in the register.', (),
        (States("total", "the total of the column", ("total",)),),
        'The total of the "{column}" column in the register is {total}.',
    ),
    PointTemplate(
        "End of the election period",
        "compute the end of the election period: add the election period in {kind} days to the "
        "date of the closing notice.", (),
        (States("elected_by", "the end of the election period"),),
        "Counted from the closing notice, the election period ends on {elected_by}.",
    ),
    PointTemplate(
        "Last day for an answer",
        "compute the last day for an answer: add the answer period in business days to the date "
        "of the {offer}.", (),
        (States("answered_by", "the last day for an answer"),),
        "Counted from the {offer}, the last day for an answer is {answered_by}.",
    ),
    PointTemplate(
        "Sum of the {draw_title}",
        "compute the sum of the {draw_title}: apply the {draw_title} percentage to the total of "
        'the "{column}" column.', (),
        (States("drawn", "the sum of the {draw_title}", ("{draw_title}",)),),
        "The sum of the {draw_title} is {drawn}.",
    ),
    PointTemplate(
        "Headroom",
        'compute the headroom: subtract the total of the "{column}" column from the {cap_title}.',
        (), (States("headroom", "the headroom below the {cap_title}", ("headroom",)),),
        "The headroom below the {cap_title} is {headroom}.",
    ),
)  # fmt: skip

POINTS = (*_AGREEMENT, *_FIRST_LETTER, *_SECOND_LETTER, *_FINDINGS, *_COMPUTED)
