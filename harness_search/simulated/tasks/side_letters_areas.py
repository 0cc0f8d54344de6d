"""Words of the practice areas in which letters beside an agreement promise special terms.

A word that ends in `_wrong` is the side that only a draft or a neighbour's letter tells. `kind`
says in which days the election period runs. The other areas stand in `side_letters_more_areas`.
"""

from collections.abc import Mapping

from harness_search.simulated.tasks.side_letters_more_areas import MORE_AREAS

SIDE_LETTER_AREAS: Mapping[str, Mapping[str, str]] = {
    "funds-asset-management": {
        "trade": "Infrastructure", "neighbour_trade": "Railways", "first_trade": "Pension",
        "second_trade": "Endowment", "register_trades": "Insurance|Foundation|Family Office|"
        "Savings Bank|University Trust",
        "kind": "calendar", "instrument": "Limited Partnership Agreement",
        "letter": "side letter", "letter_file": "Side letter", "role": "Limited Partner",
        "column": "Commitment", "amount": "commitment",
        "recital": "The General Partner and the Limited Partners carry on the business of "
        "{vehicle_name}, a closed-ended fund that buys and holds toll roads, grids and ports.",
        "rate_title": "Management fee",
        "rate_asks": "state the management fee as a percentage of commitments per year during the "
        "investment period.",
        "rate_clause": "During the investment period the management fee is {rate}% of commitments "
        "per year, paid half-yearly in advance.",
        "threshold_asks": "state the commitment from which a Limited Partner may elect what was "
        "granted to others of the same size.",
        "threshold_clause": "A Limited Partner with a commitment of at least {threshold} may elect "
        "what was granted to others of the same size or smaller.",
        "excluded_asks": "state to what the most favoured nation clause does not extend.",
        "excluded_clause": "The most favoured nation clause does not extend to {excluded}.",
        "excluded": "seats on the advisory committee",
        "excluded_wrong": "reports on carbon and labour",
        "transfer_title": "Transfer of interests",
        "transfer_asks": "state how many days beforehand a transfer of interests must be notified "
        "to the General Partner.",
        "transfer_clause": "A transfer of interests must be notified to the General Partner "
        "{transfer} days beforehand, with the name of the transferee and its tax forms.",
        "cap_title": "hard cap",
        "cap_clause": "The hard cap of the fund is {cap}; beyond it no subscription is accepted.",
        "discount_title": "Fee discount",
        "discount_asks": "state the fee discount at which first closers are charged.",
        "discount_clause": "As a first closer, {first} is charged with a fee discount of "
        "{discount}% on every half-yearly instalment.",
        "excuse_title": "Excuse right",
        "excuse_asks": "state from which investments excuse may be sought on ethical grounds.",
        "excuse_clause": "On ethical grounds, {first} may seek excuse from investments in "
        "{excuse}.",
        "excuse": "prisons and border detention", "excuse_wrong": "coal terminals and pipelines",
        "report_title": "Quarterly report",
        "report_asks": "state how many days after the quarter the unaudited quarterly report "
        "reaches {first}.",
        "report_clause": "The unaudited quarterly report reaches {first} within {report} days "
        "after the quarter, in the template of its regulator.",
        "co_title": "Co-investment share",
        "co_asks": "state the percentage of each co-investment above the concentration limit that "
        "is reserved for {second}.",
        "co_clause": "Of each co-investment above the concentration limit, {co}% is reserved for "
        "{second}, free of fee and carry.",
        "answer_title": "Answer to an offer",
        "answer_asks": "state the answer period after a co-investment offer, in business days.",
        "answer_clause": "The answer period is {answer} business days; a co-investment offer that "
        "is not accepted by then goes to the next in line.",
        "key_title": "Key person",
        "key_asks": "name the key person, and state after how many days of absence {second} may "
        "call for a suspension of drawdowns.",
        "key_clause": "If {key_person} is absent for {key_days} days, {second} may call for a "
        "suspension of drawdowns until the key person is replaced.",
        "consent_title": "Placement fees",
        "consent_asks": "state who bears placement fees and the cost of a pledge of uncalled "
        "capital.",
        "consent_clause": "Placement fees and the cost of a pledge of uncalled capital are "
        "{consent}.",
        "consent": "borne by the manager alone", "consent_wrong": "shared by all closers equally",
        "draw_title": "first drawdown",
        "draw_clause": "The first drawdown percentage is {draw}%; notices follow by courier.",
        "offer": "co-investment offer",
        "offer_clause": "The date of the co-investment offer to {second} is {offered}.",
        "conflict_asks": "state what the overlap of fee discount and size rebate costs the manager "
        "in a full year.",
        "conflict_clause": "Fee discount and size rebate overlap for two holders, which costs the "
        "manager {affected} in a full year.",
        "impact": "the rebate was priced for the later closers only",
        "cure": "amend the rebate schedule by unanimous consent",
        "cure_wrong": "repay the rebate from carried interest",
        "next_text": "send the compendium of electable terms",
    },
    "emerging-companies-venture-capital": {
        "trade": "Biosensors", "neighbour_trade": "Diagnostics", "first_trade": "Ventures",
        "second_trade": "Capital", "register_trades": "Angels|Accelerator|Seed Partners|"
        "Corporate Venturing|Innovation Agency",
        "kind": "business", "instrument": "Investment and Shareholders' Agreement",
        "letter": "side letter", "letter_file": "Investor side letter", "role": "Investor",
        "column": "Subscription", "amount": "subscription",
        "recital": "The Founders and the Investors agree on the Series A round of {vehicle_name} "
        "and on how the company is run from then on.",
        "rate_title": "Preferred dividend",
        "rate_asks": "state the cumulative dividend that the preferred shares carry per year.",
        "rate_clause": "The preferred shares carry a cumulative dividend of {rate}% per year, "
        "payable on an exit only.",
        "threshold_asks": "state the subscription from which a Major Investor may elect what was "
        "granted to another.",
        "threshold_clause": "A Major Investor, whose subscription is at least {threshold}, may "
        "elect what was granted to another by letter.",
        "excluded_asks": "state to what the right to match better letters does not reach.",
        "excluded_clause": "The right to match better letters does not reach {excluded}.",
        "excluded": "the appointment of an observer", "excluded_wrong": "monthly sales figures",
        "transfer_title": "Right of first refusal",
        "transfer_asks": "state how many days a shareholder must keep shares on offer under the "
        "right of first refusal.",
        "transfer_clause": "Under the right of first refusal a shareholder must keep shares on "
        "offer for {transfer} days before selling them outside.",
        "cap_title": "maximum round size",
        "cap_clause": "The maximum round size is {cap}; more needs a new resolution.",
        "discount_title": "Conversion of the bridge note",
        "discount_asks": "state the discount to the round price at which the bridge note converts.",
        "discount_clause": "The bridge note held by {first} converts at a discount of {discount}% "
        "to the round price.",
        "excuse_title": "Regulatory opt-out",
        "excuse_asks": "state in what {first} need not take part because of its own regulator.",
        "excuse_clause": "Because of its own regulator, {first} need not take part in {excuse}.",
        "excuse": "any token sale of the company", "excuse_wrong": "tranches above the plan",
        "report_title": "Information rights",
        "report_asks": "state how many days after year's end the annual accounts and a runway "
        "forecast are sent.",
        "report_clause": "Annual accounts and a runway forecast are sent to {first} within "
        "{report} days after year's end.",
        "co_title": "Super pro rata right",
        "co_asks": "state up to what percentage of the Series B round the super pro rata right "
        "goes.",
        "co_clause": "The super pro rata right of {second} goes up to {co}% of the Series B round.",
        "answer_title": "Answer to a pre-emption offer",
        "answer_asks": "state the answer period after a pre-emption offer, in business days.",
        "answer_clause": "The answer period is {answer} business days; a pre-emption offer lapses "
        "for whoever lets it pass.",
        "key_title": "Founder vesting",
        "key_asks": "name the founder whose departure stops the second tranche, and state for how "
        "many days it is stopped.",
        "key_clause": "The departure of {key_person}, the founder in charge of the assay, stops "
        "the second tranche for {key_days} days.",
        "consent_title": "Drag-along floor",
        "consent_asks": "state on what terms {second} may be dragged into a sale below the floor.",
        "consent_clause": "Below the floor, {second} may be dragged into a sale {consent}.",
        "consent": "only for cash in full at closing", "consent_wrong": "on a simple board vote",
        "draw_title": "first tranche",
        "draw_clause": "The first tranche percentage is {draw}%; the bank has opened the account.",
        "offer": "pre-emption offer",
        "offer_clause": "The date of the pre-emption offer to {second} is {offered}.",
        "conflict_asks": "state the value of shares promised twice from the option pool.",
        "conflict_clause": "Two letters promise the same shares from the option pool, worth "
        "{affected} at the round price.",
        "impact": "the pool cannot serve key hires any more",
        "cure": "enlarge the pool before the second tranche",
        "cure_wrong": "cancel the grants of the lab staff",
        "next_text": "circulate a corrected capitalisation table",
    },
    **MORE_AREAS,
}  # fmt: skip
