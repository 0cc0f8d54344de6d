"""Words of the practice areas that the consent survey is written for.

`first` is the instrument under which a change of control needs consent, `second` the one under
which it must only be notified. Each has a special clause of its area with one figure in it.
`near_trade` is the trade of the neighbouring matter's company.
"""

from collections.abc import Mapping

CONSENT_AREAS: Mapping[str, Mapping[str, str]] = {
    "corporate-ma": {
        "trade": "Castings", "near_trade": "Casting Works",
        "first_trade": "Foundries", "second_trade": "Haulage",
        "buyer_trade": "Industries", "first": "Master Supply Agreement", "role": "Supplier",
        "second": "Logistics Services Agreement", "role2": "Carrier",
        "deal": "a sale of all shares in {target} to {buyer}",
        "grant": "The Supplier shall make and deliver machined valve housings to the Company in "
        "accordance with the drawings and quality plan in Schedule 1.",
        "grant2": "The Carrier shall collect, store and deliver the Company's finished valves in "
        "the regions listed in Schedule A.",
        "special": "Minimum volume shortfall",
        "special_asks": "state the percentage of the list price that is payable for housings not "
        "ordered when orders fall short of the minimum annual volume.",
        "special_clause": "If orders in a contract year fall short of the minimum annual volume, "
        "the Company shall pay {special_figure}% of the list price for each of the housings not "
        "ordered.",
        "special2": "Fuel surcharge",
        "special2_asks": "state the percentage at which the fuel surcharge on the freight tariff "
        "is capped.",
        "special2_clause": "The Carrier may add a fuel surcharge to its freight tariff, capped at "
        "{special2_figure}% of the tariff in any month.",
    },
    "emerging-companies-venture-capital": {
        "trade": "Robotics", "near_trade": "Robots",
        "first_trade": "Hosting", "second_trade": "Channels",
        "buyer_trade": "Ventures", "first": "Platform Hosting Agreement", "role": "Provider",
        "second": "Reseller Agreement", "role2": "Reseller",
        "deal": "a Series B round in which {buyer} takes the majority of the shares in {target}",
        "grant": "The Provider shall host the Company's fleet management platform in a dedicated "
        "environment in two data centres, as described in Schedule 1.",
        "grant2": "The Reseller shall market subscriptions to the Company's platform to end "
        "customers in the territory set out in Schedule A.",
        "special": "Service credits",
        "special_asks": "state the service credits as a percentage of the monthly hosting charge "
        "when availability falls below the agreed level.",
        "special_clause": "If monthly availability falls below the agreed level, the Provider "
        "shall grant service credits of {special_figure}% of the monthly hosting charge.",
        "special2": "Reseller margin",
        "special2_asks": "state the margin on the list price that is earned on each subscription "
        "sold to an end customer.",
        "special2_clause": "The Reseller earns a margin of {special2_figure}% on the list price "
        "of each subscription that it sells to an end customer.",
    },
    "banking-finance": {
        "trade": "Packaging", "near_trade": "Cartons",
        "first_trade": "Bank", "second_trade": "Leasing",
        "buyer_trade": "Capital", "first": "Revolving Facility Agreement", "role": "Lender",
        "second": "Equipment Lease Agreement", "role2": "Lessor",
        "deal": "a leveraged acquisition of all shares in {target} by {buyer}",
        "grant": "The Lender makes a revolving facility available to the Company for working "
        "capital, to be drawn in loans of one, three or six months as Schedule 1 sets out.",
        "grant2": "The Lessor leases the two carton lines described in Schedule A to the Company, "
        "which shall keep them insured and in repair.",
        "special": "Commitment fee",
        "special_asks": "state the commitment fee on the undrawn part of the facility as a "
        "percentage of the margin.",
        "special_clause": "The Company shall pay a commitment fee of {special_figure}% of the "
        "margin on the undrawn and uncancelled part of the facility.",
        "special2": "Purchase option",
        "special2_asks": "state the percentage of the original cost at which the carton lines may "
        "be bought when the lease expires.",
        "special2_clause": "When the lease expires, the Company may exercise its purchase option "
        "over the carton lines at {special2_figure}% of their original cost.",
    },
    "intellectual-property": {
        "trade": "Coatings", "near_trade": "Surface Finishes",
        "first_trade": "Research", "second_trade": "Brands",
        "buyer_trade": "Materials", "first": "Patent Licence Agreement", "role": "Licensor",
        "second": "Trade Mark Licence Agreement", "role2": "Brand Owner",
        "deal": "an acquisition of all shares in {target}, with its licence portfolio, by {buyer}",
        "grant": "The Licensor grants the Company a non-exclusive licence under the anti-icing "
        "patent family listed in Schedule 1 to make and sell licensed products.",
        "grant2": "The Brand Owner licenses the marks listed in Schedule A to the Company for "
        "consumer coatings, subject to its style guide.",
        "special": "Running royalty",
        "special_asks": "state the running royalty on net sales of licensed products.",
        "special_clause": "The Company shall pay a running royalty of {special_figure}% on net "
        "sales of licensed products, reported quarter by quarter.",
        "special2": "Marketing contribution",
        "special2_asks": "state the share of branded turnover that is due as a marketing "
        "contribution to the brand fund.",
        "special2_clause": "The Company shall pay a marketing contribution of {special2_figure}% "
        "of its branded turnover into the brand fund.",
    },
    "healthcare-life-sciences": {
        "trade": "Therapeutics", "near_trade": "Therapies",
        "first_trade": "Biologics", "second_trade": "Diagnostics",
        "buyer_trade": "Pharma", "first": "Clinical Supply Agreement", "role": "Manufacturer",
        "second": "Laboratory Services Agreement", "role2": "Laboratory",
        "deal": "a merger in which {buyer} acquires all shares in {target}",
        "grant": "The Manufacturer shall make and release investigational product for the "
        "Company's phase III study under good manufacturing practice and Schedule 1.",
        "grant2": "The Laboratory shall analyse study samples by the validated methods in "
        "Schedule A and keep the raw data for inspection.",
        "special": "Batch failure",
        "special_asks": "state the percentage of the batch price that is credited for a rejected "
        "batch of investigational product.",
        "special_clause": "For each rejected batch of investigational product, the Manufacturer "
        "shall credit {special_figure}% of the batch price after a batch failure investigation.",
        "special2": "Repeat analysis",
        "special2_asks": "state the share of study samples that may be set aside for repeat "
        "analysis without charge.",
        "special2_clause": "Up to {special2_figure}% of the study samples may be set aside for "
        "repeat analysis without charge.",
    },
    "energy-natural-resources": {
        "trade": "Windpower", "near_trade": "Wind Parks",
        "first_trade": "Utilities", "second_trade": "Turbines",
        "buyer_trade": "Infrastructure", "first": "Power Offtake Agreement", "role": "Offtaker",
        "second": "Operation and Maintenance Agreement", "role2": "Operator",
        "deal": "a purchase of all shares in {target}, which owns the wind farm, by {buyer}",
        "grant": "The Offtaker shall take and pay for the entire metered output of the Company's "
        "wind farm at the strike price in Schedule 1.",
        "grant2": "The Operator shall operate and maintain the turbines and the substation by the "
        "maintenance plan in Schedule A.",
        "special": "Curtailment deduction",
        "special_asks": "state the deduction from the strike price for output lost to "
        "curtailment ordered by the grid.",
        "special_clause": "For output lost to curtailment ordered by the grid, the Offtaker shall "
        "pay the strike price less a deduction of {special_figure}%.",
        "special2": "Availability bonus",
        "special2_asks": "state the availability bonus as a percentage of the yearly operation "
        "charge.",
        "special2_clause": "An availability bonus of {special2_figure}% of the yearly operation "
        "charge is earned if the turbines beat their guaranteed availability.",
    },
}  # fmt: skip
