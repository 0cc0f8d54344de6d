"""Words of the areas outside funds and venture rounds: trusts, reinsurance, tax indemnities."""

from collections.abc import Mapping

MORE_AREAS: Mapping[str, Mapping[str, str]] = {
    "trusts-estates-private-client": {
        "trade": "Heritage", "neighbour_trade": "Legacy", "first_trade": "Foundation",
        "second_trade": "Stiftung", "register_trades": "Charity|Grandchildren|Daughters|"
        "Stepchildren|Scholarship Fund",
        "kind": "calendar", "instrument": "Deed of Settlement",
        "letter": "trustee letter", "letter_file": "Trustee letter", "role": "Branch",
        "column": "Settled funds", "amount": "settled sum",
        "recital": "{vehicle_name} as Trustee holds the family estate for the Branches, which "
        "have also told it their wishes by letter.",
        "rate_title": "Trustee's remuneration",
        "rate_asks": "state the remuneration of the Trustee as a percentage of trust assets a "
        "year.",
        "rate_clause": "The remuneration of the Trustee is {rate}% of trust assets a year, worked "
        "out on the December valuation.",
        "threshold_asks": "state the settled sum from which a Branch may elect the wishes accepted "
        "from another.",
        "threshold_clause": "A Branch with a settled sum of at least {threshold} may elect that "
        "wishes accepted from another be followed for it too.",
        "excluded_asks": "state what cannot be copied from one Branch to the next.",
        "excluded_clause": "What cannot be copied from one Branch to the next is {excluded}.",
        "excluded": "the nomination of a protector", "excluded_wrong": "the use of the lake house",
        "transfer_title": "Change of trustee",
        "transfer_asks": "state how many days before a change of trustee the retiring one must "
        "tell the Branches.",
        "transfer_clause": "Before a change of trustee, the retiring one must tell the Branches "
        "{transfer} days in advance and hand over the books.",
        "cap_title": "ceiling of the settlement",
        "cap_clause": "The ceiling of the settlement is {cap}; later gifts go into a new deed.",
        "discount_title": "Reduced remuneration",
        "discount_asks": "state the reduction for assets that a custodian bank keeps.",
        "discount_clause": "For assets that a custodian bank keeps, {first} is granted a reduction "
        "of {discount}%.",
        "excuse_title": "Duty to supervise",
        "excuse_asks": "state from the supervision of what the Trustee is relieved, as {first} "
        "sits on the board there.",
        "excuse_clause": "As {first} sits on the board there, the Trustee is relieved from the "
        "supervision of {excuse}.",
        "excuse": "the family brewery", "excuse_wrong": "the shipping line",
        "report_title": "Accounts to the first branch",
        "report_asks": "state how many days after the December valuation trust accounts are laid "
        "before {first}.",
        "report_clause": "Trust accounts are laid before {first} {report} days after the December "
        "valuation at the latest.",
        "co_title": "Purchase alongside",
        "co_asks": "state what percentage of any farmland put up for sale may be bought alongside "
        "strangers.",
        "co_clause": "Of any farmland put up for sale, {second} may buy {co}% alongside strangers "
        "at the appraised price.",
        "answer_title": "Answer to an invitation",
        "answer_asks": "state the answer period after an invitation to buy, in business days.",
        "answer_clause": "The answer period is {answer} business days; an invitation to buy that "
        "stays open longer is treated as refused.",
        "key_title": "Family adviser",
        "key_asks": "name the family adviser, and state for how many days grants wait if the "
        "family adviser can no longer act.",
        "key_clause": "If {key_person} can no longer act as family adviser, grants wait for "
        "{key_days} days until a successor is heard.",
        "consent_title": "Loans to grandchildren",
        "consent_asks": "state on what footing loans to grandchildren are made.",
        "consent_clause": "Loans to grandchildren are made {consent}.",
        "consent": "against a charge on their homes", "consent_wrong": "free of any security",
        "draw_title": "first distribution",
        "draw_clause": "The first distribution percentage is {draw}%; receipts are to be signed.",
        "offer": "invitation to buy",
        "offer_clause": "The date of the invitation to buy that went to {second} is {offered}.",
        "conflict_asks": "state the rent at stake because two wishes give the vineyard to "
        "different tenants.",
        "conflict_clause": "Two wishes give the vineyard to different tenants; the rent at stake "
        "is {affected}.",
        "impact": "harvest contracts bind the estate for years",
        "cure": "seek directions from the chancery judge",
        "cure_wrong": "let the elder tenant decide",
        "next_text": "invite both branches to a family meeting",
    },
    "insurance": {
        "trade": "Marine", "neighbour_trade": "Cargo", "first_trade": "Reinsurance",
        "second_trade": "Syndicate", "register_trades": "Mutual|Captive|Specialty|Underwriting|"
        "Retakaful",
        "kind": "business", "instrument": "Excess of Loss Reinsurance Treaty",
        "letter": "side letter", "letter_file": "Reinsurance side letter", "role": "Reinsurer",
        "column": "Ceded limit", "amount": "line",
        "recital": "{vehicle_name} as Cedant and the Reinsurers agree on the cover of its hull "
        "and liability book; each answers for its own line only.",
        "rate_title": "Brokerage",
        "rate_asks": "state the brokerage on the adjusted premium of each layer.",
        "rate_clause": "Brokerage is {rate}% on the adjusted premium of each layer and is earned "
        "when premium is booked.",
        "threshold_asks": "state the line from which a Reinsurer may elect better wording given to "
        "a follower.",
        "threshold_clause": "A Reinsurer whose line is at least {threshold} may elect better "
        "wording given to a follower.",
        "excluded_asks": "state which wording stays reserved to the leader.",
        "excluded_clause": "Reserved to the leader stays {excluded}.",
        "excluded": "the claims control wording", "excluded_wrong": "the sanctions wording",
        "transfer_title": "Novation",
        "transfer_asks": "state how many days before a novation the Cedant must see the rating of "
        "the incoming carrier.",
        "transfer_clause": "The Cedant must see the rating of the incoming carrier {transfer} days "
        "before a novation.",
        "cap_title": "programme limit",
        "cap_clause": "The programme limit is {cap}; layers above it are placed apart.",
        "discount_title": "No claims bonus",
        "discount_asks": "state the no claims bonus on the deposit of a clean year.",
        "discount_clause": "In a clean year {first} returns a no claims bonus of {discount}% of "
        "the deposit.",
        "excuse_title": "Follow the settlements",
        "excuse_asks": "state which settlements {first} need not follow.",
        "excuse_clause": "By way of exception, {first} need not follow settlements of {excuse}.",
        "excuse": "losses in scrapped vessels", "excuse_wrong": "cargo shortage disputes",
        "report_title": "Bordereaux",
        "report_asks": "state how many days after the month premium and loss bordereaux must be "
        "delivered.",
        "report_clause": "Premium and loss bordereaux must be delivered to {first} {report} days "
        "after the month.",
        "co_title": "Reinstated layer",
        "co_asks": "state what percentage of a reinstated layer {second} may take.",
        "co_clause": "Of a reinstated layer, {second} may take {co}% at the expiring price.",
        "answer_title": "Answer to a quotation",
        "answer_asks": "state the answer period after a firm quotation, in business days.",
        "answer_clause": "The answer period is {answer} business days; a firm quotation that is "
        "not bound by then is off risk.",
        "key_title": "Lead underwriter",
        "key_asks": "name the lead underwriter, and state how many days {second} has to cancel if "
        "the lead underwriter leaves.",
        "key_clause": "If {key_person} leaves as lead underwriter, {second} has {key_days} days "
        "to cancel its participation.",
        "consent_title": "Commutation",
        "consent_asks": "state how a commutation of tail reserves is valued.",
        "consent_clause": "A commutation of tail reserves is valued {consent}.",
        "consent": "by an independent actuary", "consent_wrong": "at the Cedant's carried figure",
        "draw_title": "deposit premium",
        "draw_clause": "The deposit premium percentage is {draw}%; debit notes are out.",
        "offer": "firm quotation",
        "offer_clause": "The date of the firm quotation to {second} is {offered}.",
        "conflict_asks": "state the recovery in doubt for pollution at anchor under the hours "
        "wordings.",
        "conflict_clause": "Treaty and letter have different hours wordings for pollution at "
        "anchor, which puts a recovery of {affected} in doubt.",
        "impact": "two carriers may each point at the other",
        "cure": "endorse one hours wording across the slip",
        "cure_wrong": "settle with the smaller carrier first",
        "next_text": "obtain the leader's stamp on the endorsement",
    },
    "tax": {
        "trade": "Packaging", "neighbour_trade": "Cartons", "first_trade": "Beteiligungen",
        "second_trade": "Holdings", "register_trades": "Managers|Nominees|Employees' Trust|"
        "Participations|Estate",
        "kind": "calendar", "instrument": "Tax Deed",
        "letter": "indemnity letter", "letter_file": "Tax indemnity letter", "role": "Seller",
        "column": "Indemnity limit", "amount": "indemnity limit",
        "recital": "The Sellers of {vehicle_name} answer severally for tax of periods before "
        "completion; letters beside this deed vary that for some of them.",
        "rate_title": "Interest on tax claims",
        "rate_asks": "state the interest a year that late payments under a tax claim bear above "
        "base rate.",
        "rate_clause": "Late payments under a tax claim bear interest of {rate}% a year above base "
        "rate.",
        "threshold_asks": "state the indemnity limit from which a Seller may elect conduct rights "
        "that were given to another.",
        "threshold_clause": "A Seller with an indemnity limit of at least {threshold} may elect "
        "conduct rights that were given to another.",
        "excluded_asks": "state for which assessments no Seller may take over conduct.",
        "excluded_clause": "No Seller may take over conduct for {excluded}.",
        "excluded": "value added tax assessments", "excluded_wrong": "transfer pricing disputes",
        "transfer_title": "Assignment of the indemnity",
        "transfer_asks": "state how many days before an assignment of the indemnity to financing "
        "banks it must be announced.",
        "transfer_clause": "An assignment of the indemnity to financing banks must be announced "
        "{transfer} days before it is made.",
        "cap_title": "overall indemnity cap",
        "cap_clause": "The overall indemnity cap is {cap}, whatever the number of claims.",
        "discount_title": "Share of refunds",
        "discount_asks": "state the part of refunds for research relief that {first} keeps.",
        "discount_clause": "Of refunds for research relief, {first} keeps {discount}% after the "
        "cost of obtaining them.",
        "excuse_title": "Carve-out",
        "excuse_asks": "state for tax on what {first} does not answer.",
        "excuse_clause": "By way of carve-out, {first} does not answer for tax on {excuse}.",
        "excuse": "the pre-completion reorganisation", "excuse_wrong": "the sale of trademarks",
        "report_title": "Draft returns",
        "report_asks": "state how many days before filing draft returns for straddle periods are "
        "shown to {first}.",
        "report_clause": "Draft returns for straddle periods are shown to {first} {report} days "
        "before filing.",
        "co_title": "Cost of an appeal",
        "co_asks": "state what percentage of the cost of an appeal to the tax tribunal {second} "
        "bears.",
        "co_clause": "Of the cost of an appeal to the tax tribunal, {second} bears {co}% and has "
        "a say in the choice of counsel.",
        "answer_title": "Answer to a settlement proposal",
        "answer_asks": "state the answer period after a settlement proposal, in business days.",
        "answer_clause": "The answer period is {answer} business days; a settlement proposal on "
        "which nobody comments may be signed.",
        "key_title": "Tax adviser",
        "key_asks": "name the tax adviser who must approve the computation, and state how many "
        "days a replacement may take.",
        "key_clause": "The computation must be approved by {key_person} as tax adviser; a "
        "replacement may take {key_days} days.",
        "consent_title": "Group relief",
        "consent_asks": "state how losses surrendered as group relief are paid for.",
        "consent_clause": "Losses surrendered as group relief are paid for {consent}.",
        "consent": "when the saving is realised", "consent_wrong": "on the date of surrender",
        "draw_title": "escrow retention",
        "draw_clause": "The escrow retention percentage is {draw}%; the agent has confirmed it.",
        "offer": "settlement proposal",
        "offer_clause": "The date of the settlement proposal that went to {second} is {offered}.",
        "conflict_asks": "state the withholding tax for which deed and letters name different "
        "debtors.",
        "conflict_clause": "Deed and letters name different debtors for withholding tax of "
        "{affected} on dividends.",
        "impact": "the limitation period for a claim is about to end",
        "cure": "sign a deed of variation with all debtors",
        "cure_wrong": "deduct the tax from the earn-out",
        "next_text": "lodge a protective claim with the revenue",
    },
}  # fmt: skip
