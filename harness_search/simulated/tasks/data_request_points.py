"""What the papers of a request for information say, and what the assignment asks about it."""

from collections.abc import Mapping

from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("scope_clause", "scope2_clause", "delay_clause", "exempt_clause", "redact_clause")

CLAUSES: Mapping[str, str] = {
    "asked": "This request is made by {asker_name} as {capacity}.",
    "subject": "The request concerns the {subject_role} {subject}, whose reference stands at the "
    "head of this letter.",
    "basis": "The provision on which the request rests is {basis}.",
    "response": "The response period is {response} {kind} days, counted from the day on which the "
    "request arrives; the complete answer must be in our hands by its end.",
    "channel": "The answer must be delivered {channel}; no other form of delivery counts.",
    "contact": "Questions about a category go to {contact}, {contact_role}.",
    "preserve": "Until the matter is closed, nothing that falls under a category may be altered, "
    "moved to another medium or destroyed, whatever the usual housekeeping rules say.",
    "owner": "The response owner is {owner}, who signs every certificate of completeness.",
    "certify": "The certification period for custodians is {certify} business days, counted from "
    "the hold notice.",
    "sample": "The sampling percentage is {sample}%: that part of all records is read a second "
    "time before release.",
    "threshold": "A gap that touches more than {threshold}% of what a system holds is reported to "
    "the board without delay.",
    "retention": "A copy of everything that was released is kept for {retention} months in the "
    "locked folder of the legal team.",
    "log": "Whatever is left out is entered in a log that gives date, author, addressee and the "
    "reason, but not the content.",
    "training": "New members of the team work through the module on requests before they handle "
    "their first file, and every member repeats it in the spring.",
    "received": "I have to correct our register: the date of receipt is {received}, as the "
    "courier's slip shows.",
    "hold": "The date of the hold notice is {hold}; it went to all custodians in the inventory.",
    "budget": "The approved budget for the whole exercise is {budget}.",
    "gap": "The gap lies in the {gap_system}: {gap_text} for {gap_count} items.",
    "severity": "Severity: the gap is {severity}, because {gap_impact}.",
    "cure": "The cure is to {cure}; its owner is {cure_owner} and it falls due on {cure_due}.",
    "next": "The next step is to ask {asker} to extend the time for {next_topic} by {extension} "
    "days.",
}

_QUESTION = (
    PointTemplate(
        "Requesting party", "name the requesting party, which acts as {capacity}.", ("asked",),
        (States("asker_name", "the requesting party", guarded=True),),
    ),
    PointTemplate(
        "Person concerned", "name the {subject_role} whose reference stands at the head of the "
        "letter.", ("subject",), (States("subject", "the person concerned", guarded=True),),
    ),
    PointTemplate(
        "Legal basis", "state the provision on which the request rests.", ("basis",),
        (States("basis", "the provision relied on", guarded=True, error_class="legal-rule use"),),
    ),
    PointTemplate(
        "Response period",
        "state the response period for the complete answer, counted from the day on which the "
        "request arrives.", ("response",),
        (States("response", "the response period in {kind} days", ("response period",), True),),
    ),
    PointTemplate(
        "Date of receipt", "state the date of receipt that the courier's slip shows.",
        ("received",), (States("received", "the date of receipt as corrected", guarded=True),),
    ),
    PointTemplate(
        "{scope}", "{scope_asks}", ("scope_clause",),
        (States("scope_from", "the first day of: {scope}", guarded=True, error_class="coverage"),),
    ),
    PointTemplate(
        "{scope2}", "{scope2_asks}", ("scope2_clause",),
        (States("scope_months", "the months of: {scope2}", ("months",), True, "coverage"),),
    ),
    PointTemplate(
        "Form of delivery", "state how the answer must be delivered, as no other form of delivery "
        "counts.", ("channel",),
        (States("channel", "the form of delivery", guarded=True, error_class="legal-rule use"),),
    ),
    PointTemplate(
        "Contact", "name the contact, {contact_role}, to whom questions about a category go.",
        ("contact",),
        (States("contact", "the contact for questions", guarded=True),),
    ),
    PointTemplate(
        "Consequence of delay", "{delay_asks}", ("delay_clause",),
        (
            States(
                "penalty", "the price of delay", ("late", "delay"), True,
                error_class="materiality/impact",
            ),
        ),
    ),
)  # fmt: skip

_RULES = (
    PointTemplate(
        "Response owner", "name the response owner who signs every certificate of completeness.",
        ("owner",), (States("owner", "the response owner", guarded=True),),
    ),
    PointTemplate(
        "Certification by custodians",
        "state the certification period for custodians in business days, counted from the hold "
        "notice.", ("certify",),
        (States("certify", "the certification period", ("certification period",), True),),
    ),
    PointTemplate(
        "{exempt_title}", "{exempt_asks}", ("exempt_clause",),
        (States("exempt", "the rule on: {exempt_title}", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "{redact_title}", "{redact_asks}", ("redact_clause",),
        (States("redact", "the rule on: {redact_title}", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "Quality sample",
        "state the sampling percentage, the part of all records that is read a second time before "
        "release.", ("sample",),
        (States("sample", "the sampling percentage", ("sampling percentage", "sample"), True),),
    ),
    PointTemplate(
        "Report to the board",
        "state the percentage of what a system holds above which a gap that touches it is "
        "reported to the board.", ("threshold",),
        (States("threshold", "the threshold for the board", ("board",), True, "legal-rule use"),),
    ),
)  # fmt: skip

_FINDINGS = (
    PointTemplate(
        "Gap found", "name the system in which the gap lies, and state for how many items "
        "{gap_text}.", ("gap",),
        (
            States("gap_system", "the system with the gap"),
            States("gap_count", "the items that the gap touches", ("gap",), True),
        ),
    ),
    PointTemplate(
        "Severity of the gap", "state how the gap is rated, and because of what.", ("severity",),
        (States("severity", "how the gap is rated", (), True, "materiality/impact"),),
    ),
    PointTemplate(
        "Cure of the gap",
        "state what the cure is, who its owner is and on which date it falls due.", ("cure",),
        (
            States("cure", "the cure", (), True, "remedial action"),
            States("cure_owner", "the owner of the cure", (), True, "remedial action"),
            States("cure_due", "the date on which the cure falls due", ("cure",), True),
        ),
    ),
    PointTemplate(
        "Next step",
        "the next step is to ask {asker} to extend the time for {next_topic}; state by how many "
        "days.", ("next",),
        (States("extension", "the extension asked for", ("extend",), True, "remedial action"),),
    ),
    PointTemplate(
        "Holdings of the {row_system}",
        "name the custodian of the {row_system} in the inventory, and state the number of its "
        "records.", ("row",),
        (
            States("row_custodian", "the custodian of the {row_system}"),
            States("row_records", "the records of the {row_system}", ("{row_system}",)),
        ),
    ),
)  # fmt: skip

_COMPUTED = (
    PointTemplate(
        "Total records", 'state the total of the "Records" column in the inventory.', (),
        (States("total", "the total of the records", ("records", "total")),),
        "The total of the records in the inventory is {total}.",
    ),
    PointTemplate(
        "Due date of the answer",
        "compute the due date of the answer: add the response period in {kind} days to the date "
        "of receipt.", (),
        (States("due", "the due date of the answer"),),
        "Counted from the date of receipt, the answer is due on {due}.",
    ),
    PointTemplate(
        "Last day for certificates",
        "compute the last day for the custodians: add the certification period in business days "
        "to the date of the hold notice.", (),
        (States("certified_by", "the last day for the custodians"),),
        "Counted from the hold notice, the last day for the custodians is {certified_by}.",
    ),
    PointTemplate(
        "Size of the sample",
        "compute the size of the quality sample: apply the sampling percentage to the total of "
        'the "Records" column.', (),
        (States("sampled", "the size of the quality sample", ("sample", "size")),),
        "The size of the quality sample is {sampled} records.",
    ),
    PointTemplate(
        "Unspent budget",
        'compute the unspent budget: subtract the total of the "Estimated cost" column from the '
        "approved budget.", (),
        (States("unspent", "the unspent budget", ("unspent", "budget")),),
        "The unspent budget is {unspent}.",
    ),
)  # fmt: skip

POINTS = (*_QUESTION, *_RULES, *_FINDINGS, *_COMPUTED)
