"""Words of the practice areas for which long-running instruments are abstracted.

`grantor` provides something for years, `holder` pays a `charge` for it and gives a `security`.
Each area has two special clauses with one percentage each. `near_trade` is the trade of another
client, whose papers lie in the folder by mistake.
"""

from collections.abc import Mapping

ABSTRACT_AREAS: Mapping[str, Mapping[str, str]] = {
    "real-estate": {
        "instrument": "Lease", "grantor": "Landlord", "holder": "Tenant",
        "grantor_trade": "Estates", "holder_trade": "Design",
        "near_trade": "Interiors", "charge": "rent",
        "column": "Annual rent", "security": "security deposit", "early": "break option",
        "works": "the tenant's fit-out",
        "grant": "The Landlord lets to the Tenant the third floor and four parking spaces at "
        "{address}, for use as offices and a showroom.",
        "care": "The Tenant shall keep the premises in good repair, and the Landlord the roof, the "
        "facade and the lifts.",
        "special": "Service charge cap",
        "special_asks": "state the percentage by which the service charge may rise at most from "
        "one accounting year to the next.",
        "special_clause": "The service charge may rise by at most {special_figure}% from one "
        "accounting year to the next.",
        "special2": "Subletting profit",
        "special2_asks": "state the share of the profit from subletting that the Landlord "
        "receives.",
        "special2_clause": "Of any profit from subletting, the Landlord receives "
        "{special2_figure}% each quarter.",
    },
    "capital-markets": {
        "instrument": "Fiscal Agency Agreement", "grantor": "Fiscal Agent", "holder": "Issuer",
        "grantor_trade": "Trust Services", "holder_trade": "Shipping",
        "near_trade": "Maritime", "charge": "agency fee",
        "column": "Annual agency fee", "security": "expense deposit",
        "early": "early replacement right", "works": "the listing of the notes",
        "grant": "The Fiscal Agent acts for the Issuer's senior notes: it keeps the register, "
        "authenticates the global note and pays principal and interest through the clearing "
        "systems.",
        "care": "The Fiscal Agent acts solely for the Issuer and owes no duty to noteholders "
        "beyond holding money received for them.",
        "special": "Negative pledge basket",
        "special_asks": "state the percentage of consolidated total assets up to which the "
        "negative pledge allows security for capital market debt.",
        "special_clause": "The negative pledge allows the Issuer to secure capital market debt of "
        "up to {special_figure}% of its consolidated total assets.",
        "special2": "Clean-up call",
        "special2_asks": "state the percentage of the original principal amount of the notes below "
        "which the Issuer may exercise the clean-up call.",
        "special2_clause": "The Issuer may exercise the clean-up call once less than "
        "{special2_figure}% of the original principal amount of the notes is outstanding.",
    },
    "structured-finance-securitization": {
        "instrument": "Servicing Agreement", "grantor": "Servicer", "holder": "Purchaser",
        "grantor_trade": "Auto Credit", "holder_trade": "Receivables",
        "near_trade": "Claims", "charge": "servicing fee",
        "column": "Annual servicing fee", "security": "commingling reserve",
        "early": "early replacement right", "works": "the data trustee's set-up",
        "grant": "The Servicer collects and enforces the auto loan receivables sold to the "
        "Purchaser, applying the care it would apply to its own.",
        "care": "The Servicer keeps the loan files apart from its own, marks the sale in its "
        "systems and lets the Purchaser inspect them.",
        "special": "Delinquency trigger",
        "special_asks": "state the three-month average delinquency ratio of the pool above which "
        "a servicer event occurs.",
        "special_clause": "A servicer event occurs when the three-month average delinquency ratio "
        "of the pool, the delinquency trigger, exceeds {special_figure}%.",
        "special2": "Obligor concentration",
        "special2_asks": "state the percentage of the pool balance that receivables against one "
        "obligor group may not exceed.",
        "special2_clause": "Receivables against one obligor group may not exceed "
        "{special2_figure}% of the pool balance, the concentration limit.",
    },
    "insurance": {
        "instrument": "Master Policy", "grantor": "Insurer", "holder": "Insured",
        "grantor_trade": "Assurance", "holder_trade": "Warehousing",
        "near_trade": "Stores", "charge": "premium",
        "column": "Annual premium", "security": "premium deposit", "early": "cancellation right",
        "works": "the sprinkler upgrade",
        "grant": "The Insurer covers property damage and business interruption at the Insured's "
        "warehouses named in the schedule of locations.",
        "care": "The Insured shall keep the fire doors free, have the alarms inspected every year "
        "and report any change of use of a location.",
        "special": "Flood deductible",
        "special_asks": "state the deductible as a percentage of each flood loss at an insured "
        "location.",
        "special_clause": "A deductible of {special_figure}% of each flood loss at an insured "
        "location is borne by the Insured.",
        "special2": "Average clause",
        "special2_asks": "state the percentage of the declared value below which the average "
        "clause reduces an indemnity for underinsurance.",
        "special2_clause": "The average clause reduces an indemnity for underinsurance only if the "
        "declared value falls short of the true value by more than {special2_figure}%.",
    },
    "trusts-estates-private-client": {
        "instrument": "Trustee Services Agreement", "grantor": "Trustee", "holder": "Settlor",
        "grantor_trade": "Fiduciaries", "holder_trade": "Family Holdings",
        "near_trade": "Household Assets",
        "charge": "trustee fee", "column": "Annual trustee fee", "security": "expense float",
        "early": "replacement right", "works": "the valuation of the art collection",
        "grant": "The Trustee administers the family settlement, keeps its accounts and deals with "
        "the portfolio managers on the letter of wishes.",
        "care": "The Trustee shall consult the protector before it sells land or the shares in the "
        "family company.",
        "special": "Distribution limit",
        "special_asks": "state the percentage of the trust fund that distributions to one "
        "beneficiary may reach in a calendar year without the protector's approval.",
        "special_clause": "Distributions to one beneficiary in a calendar year may reach "
        "{special_figure}% of the trust fund without the protector's approval.",
        "special2": "Charitable share",
        "special2_asks": "state the share of the undistributed income of the settlement that goes "
        "to charity each year.",
        "special2_clause": "Of the undistributed income of the settlement, {special2_figure}% goes "
        "to charity each year on the protector's advice.",
    },
    "environmental-esg": {
        "instrument": "Site Licence", "grantor": "Site Owner", "holder": "Operator",
        "grantor_trade": "Dyeworks", "holder_trade": "Remediation",
        "near_trade": "Soil Works", "charge": "licence fee",
        "column": "Annual licence fee", "security": "restoration bond",
        "early": "surrender option", "works": "the monitoring wells",
        "grant": "The Site Owner allows the Operator to build and run a soil vapour extraction "
        "plant on the former dye works at {address}.",
        "care": "The Operator shall treat extracted vapour before release, fence the wells and "
        "keep the permit register up to date.",
        "special": "Emission threshold",
        "special_asks": "state the percentage of the permit limit at or below which monthly "
        "solvent emissions must stay.",
        "special_clause": "Monthly solvent emissions must stay at or below {special_figure}% of "
        "the permit limit, the emission threshold.",
        "special2": "Cost overrun share",
        "special2_asks": "state the share of a cost overrun in the remediation plan that the Site "
        "Owner bears.",
        "special2_clause": "The Site Owner bears {special2_figure}% of a cost overrun in the "
        "remediation plan that the regulator has approved.",
    },
}  # fmt: skip
