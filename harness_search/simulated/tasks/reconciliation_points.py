"""What the papers of a fee reconciliation say, and the points that ask for it."""

from harness_search.simulated.tasks.papers import COMMON_CLAUSES
from harness_search.simulated.tasks.story import PointTemplate, States

AREA_CLAUSES = ("special_clause", "special2_clause")
CLAUSES = {
    "service": "The {provider} shall {service}, with the care of an experienced firm.",
    "team": "{lead} leads the team; a change of the lead needs the {client}'s consent in writing.",
    "rates": "Time is charged at the hourly rates in the rate table and recorded in units of six "
    "minutes with a description of the work.",
    "month_cap": "The fees for one calendar month may not exceed a monthly cap of {month_cap} "
    "unless the {client} agrees beforehand.",
    "volume": "Once the fees of a calendar year pass {volume_at}, a volume rebate of {volume}% "
    "applies to everything above.",
    "payment": "An invoice is payable within {pay} days after the invoice date.",
    "objection": "The {client} may raise an objection to an invoice within {objection} calendar "
    "days after receiving it.",
    "late": "Late payment bears interest of {late}% per year, without a reminder.",
    "expenses": "Expenses for travel and translation are reimbursed up to a yearly limit of "
    "{expenses}, against receipts.",
    "cap": "The liability of the {provider} is limited to {cap} for each engagement year.",
    "end": "Either party may end the engagement on {end_notice} days' notice to a month's end.",
    "law": "The engagement is governed by the laws of {law}; the courts of {city} decide disputes.",
    "travel": "Travel time is charged at {travel}% of the hourly rate.",
    "fixed": "For {fixed_stage} a fixed fee of {fixed} applies instead of hourly rates.",
    "credit": "For the delay at the start, the {provider} grants a credit note of {credit}, to be "
    "set off against the next invoice.",
    "prevails": "This side letter prevails over the {instrument} where the two differ.",
    "disputed": "The {client} disputes invoice {disputed_no} in the amount of {disputed}, because "
    "the hours were not described.",
    "budget": "The engagement budget is {budget} for all stages together.",
    "stale": "Work that is invoiced more than {stale} days after it was done need not be paid.",
    "records": "Time records are kept for inspection for {records} days after each quarter.",
    "committee": "Open queries go to the fee committee, which meets within a convening period of "
    "{committee} business days.",
    "prompt": "When all invoices of a year are settled in time, a prompt settlement discount of "
    "{prompt}% is granted.",
    "convened": "The fee committee was asked to meet on {convened}.",
    "severity": "The controller rates the overcharge as {severity}: over the remaining term, "
    "{exposure} would be overpaid.",
    "step": "The refusal letter is drafted by {owner} and has to be signed before {step_due}.",
    "contact": "At {provider_name}, questions about single entries are answered by {contact}.",
    "paid": "The last payment to the {provider} was made on {paid}.",
    "arrived": "Invoice {disputed_no} was received by the accounts department on {arrived}.",
    **COMMON_CLAUSES,
}
TOLD_ELSEWHERE = (
    "month_cap", "volume", "payment", "objection", "stale", "late", "expenses", "budget", "records",
    "committee", "credit", "prompt", "disputed", "arrived", "paid", "severity", "convened", "step",
    "contact", "cap",
)  # fmt: skip
SECTIONS = (
    ("Engagement", ("service", "team")),
    ("Fees", ("rates", "budget", "month_cap", "volume", "special_clause")),
    ("Invoices", ("payment objection", "stale", "late", "expenses")),
    ("Control", ("records", "committee")),
    ("Liability and duration", ("cap", "end")),
    ("General terms", ("law", "confidentiality", "entire", "writing severability")),
)
LETTER_SECTIONS = (
    ("Fees that differ", ("travel", "fixed", "special2_clause")),
    ("Credit and discount", ("credit", "prompt")),
    ("Effect", ("prevails writing",)),
)

POINTS = (
    PointTemplate(
        "Lead of the team", "name the person who leads the team of the {provider}.", ("team",),
        (States("lead", "the lead of the team", guarded=True),),
    ),
    PointTemplate(
        "Hourly rate of {rated}",
        "state the hourly rate of {rated}, {grade}, in the rate table.", ("rate_row",),
        (States("rate", "the hourly rate of {rated}", ("{rated}",), True),),
    ),
    PointTemplate(
        "Monthly cap", "state the monthly cap that the fees for one calendar month may not exceed.",
        ("month_cap",), (States("month_cap", "the monthly cap", ("cap", "exceed"), True),),
    ),
    PointTemplate(
        "Volume rebate",
        "state the volume rebate and the fees of a calendar year above which it applies.",
        ("volume",),
        (
            States("volume", "the volume rebate", ("rebate",), True),
            States("volume_at", "the fees above which the rebate applies", ("rebate",)),
        ),
    ),
    PointTemplate(
        "Payment period",
        "state within how many days after the invoice date an invoice is payable.", ("payment",),
        (States("pay", "the payment period", ("payable", "payment"), True),),
    ),
    PointTemplate(
        "Objections",
        "state within how many calendar days after receiving an invoice the {client} may raise an "
        "objection to it.", ("objection",),
        (States("objection", "the objection period", ("objection", "objections"), True),),
    ),
    PointTemplate(
        "Late payment", "state the interest per year that late payment bears.", ("late",),
        (States("late", "the interest on late payment", ("late payment",), True),),
    ),
    PointTemplate(
        "Expenses", "state the yearly limit up to which expenses for travel and translation are "
        "reimbursed.", ("expenses",),
        (States("expenses", "the limit of expenses", ("expenses",), True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "Travel time", "state the percentage of the hourly rate at which travel time is charged.",
        ("travel",), (States("travel", "the rate for travel time", ("travel time",)),),
    ),
    PointTemplate(
        "Fixed fee", "state the fixed fee that applies for {fixed_stage} instead of hourly rates.",
        ("fixed",), (States("fixed", "the fixed fee", ("fixed fee",)),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Credit note",
        "state the credit note granted for the delay at the start, to be set off against the next "
        "invoice.", ("credit",), (States("credit", "the credit note", ("credit",)),),
    ),
    PointTemplate(
        "Disputed invoice",
        "state which invoice the {client} disputes because the hours were not described, and its "
        "amount.", ("disputed",),
        (
            States("disputed_no", "the number of the disputed invoice", guarded=True),
            States("disputed", "the sum of the disputed invoice", ("disputed", "disputes"), True),
        ),
    ),
    PointTemplate(
        "Last payment", "state the date on which the last payment to the {provider} was made.",
        ("paid",), (States("paid", "the date of the last payment", ("payment",), True),),
    ),
    PointTemplate(
        "Late invoices",
        "state how many days after it was done work must be invoiced, as it need not be paid "
        "otherwise.", ("stale",),
        (
            States("stale", "the days after which work need not be paid", ("late", "invoiced"),
                   True, error_class="legal-rule use"),
        ),
    ),
    PointTemplate(
        "Time records",
        "state for how many days after each quarter time records are kept for inspection.",
        ("records",),
        (
            States("records", "the days for which time records are kept", ("records",), True,
                   error_class="legal-rule use"),
        ),
    ),
    PointTemplate(
        "Weight of the overcharge",
        "state how the controller rates the overcharge, and what would be overpaid over the "
        "remaining term.", ("severity",),
        (
            States("severity", "the rating of the overcharge", (), True,
                   error_class="materiality/impact"),
            States("exposure", "what would be overpaid", ("overpaid", "overcharge"), True,
                   error_class="materiality/impact"),
        ),
    ),
    PointTemplate(
        "Refusal letter",
        "name who drafted the refusal letter, and before which date it has to be signed.",
        ("step",),
        (
            States("owner", "who drafts the refusal letter", (), True,
                   error_class="remedial action"),
            States("step_due", "the date before which the refusal letter is signed", (), True,
                   error_class="remedial action"),
        ),
    ),
    PointTemplate(
        "Contact for questions",
        "name who answers questions about single entries at {provider_name}.", ("contact",),
        (States("contact", "the contact for questions", guarded=True),),
    ),
    PointTemplate(
        "Payment {payment_ref}",
        "state on which date payment {payment_ref} for {paid_invoice} was booked, and its sum.",
        ("payment_row",),
        (
            States("booked", "the date of payment {payment_ref}"),
            States("booked_sum", "the amount of payment {payment_ref}"),
        ),
    ),
    PointTemplate(
        "Total amount billed",
        'state the total of the "Amount billed" column in the invoice register.', (),
        (States("total", "the total of the amounts billed", ("billed", "total")),),
        "The total of the amounts billed in the invoice register is {total}.",
    ),
    PointTemplate(
        "Objection deadline",
        "compute the last day for an objection: add the period to raise an objection to an invoice "
        "in calendar days to the day on which the disputed invoice was received by the accounts "
        "department.", (),
        (States("object_by", "the last day for an objection"),),
        "An objection to the disputed invoice must be raised by {object_by}.",
    ),
    PointTemplate(
        "Meeting of the fee committee",
        "compute the last day for the meeting: add the convening period in business days to the "
        "day on which the fee committee was asked to meet.", (),
        (States("meet_by", "the last day for the fee committee to meet"),),
        "The fee committee has to meet by {meet_by}.",
    ),
    PointTemplate(
        "Prompt settlement",
        "compute the discount for the whole register: apply the prompt settlement discount to the "
        'total of the "Amount billed" column.', (),
        (States("prompt_sum", "the discount for prompt settlement"),),
        "The discount for prompt settlement of the whole register is {prompt_sum}.",
    ),
    PointTemplate(
        "Budget left",
        'compute the budget left: subtract the total of the "Amount billed" column from the '
        "engagement budget for all stages together.", (),
        (States("budget_left", "the budget that is left"),),
        "Of the engagement budget, {budget_left} is left.",
    ),
)  # fmt: skip
