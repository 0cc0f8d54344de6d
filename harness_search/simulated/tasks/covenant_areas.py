"""Words of the practice areas in which a borrower's covenants are extracted and tested.

`obligor` owes the money, `agent` speaks for the `creditors`. `test1` was missed; the amendment
tightened `test2` while the debt in `junior_are` is owed, and reset `outlay`. `sale` names what is
sold and swept. The two special clauses have one figure each. `other_trade` is the trade of the
neighbouring borrower; the ranges are those from which the levels are drawn, in percent.
"""

from collections.abc import Mapping

COVENANT_AREAS: Mapping[str, Mapping[str, str]] = {
    "banking-finance": {
        "instrument": "Term Facility Agreement", "obligor": "Borrower", "agent": "Agent",
        "creditors": "Lenders", "trade": "Packaging", "other_trade": "Cartons",
        "agent_trade": "Bank", "certificate": "Compliance Certificate", "test_day": "Quarter Date",
        "grant": "The Lenders make a term facility of {commitment} available to the Borrower, to "
        "refinance its board mills and to pay for the second corrugator.",
        "measure": "Consolidated EBITDA",
        "formula": "operating profit before interest, tax, depreciation and amortisation, less "
        "exceptional gains",
        "formula_wrong": "profit after tax, with depreciation, amortisation and pension charges "
        "added back",
        "savings": "Expected synergies from closed mills",
        "test1_range": "260 380", "test2_range": "310 440",
        "test1": "Interest Cover", "test2": "Leverage",
        "test1_clause": "Interest Cover shall be at least {test1_level}%, that is Consolidated "
        "EBITDA measured against Net Finance Charges over four quarters.",
        "test2_clause": "Total Net Debt shall not be above {test2_level}% of Consolidated EBITDA "
        "on any Quarter Date.",
        "test2_amended": "For as long as the Subordinated Notes are outstanding, Leverage is "
        "tightened, and Total Net Debt may then reach no more than {test2_level}% of EBITDA.",
        "junior_are": "Subordinated Notes are",
        "outlay": "capital expenditure",
        "outlay_clause": "The Borrower may spend {outlay_limit} on plant and machinery in a "
        "financial year; what it does not spend lapses.",
        "outlay_amended": "The annual allowance for capital expenditure is reset at "
        "{outlay_limit}, of which a third may be carried into the following year.",
        "sale": "surplus mill sites", "sales": "Baling hall|Paper store|Weighbridge plot|Old mill",
        "debts": "Overdraft|Export credit line|Corrugator lease|Vendor loan|Factoring line",
        "cure_means": "new equity or a subordinated shareholder loan",
        "special": "Excess cash flow",
        "special_asks": "state the share of the Excess Cash Flow that is applied against the "
        "shortest maturities.",
        "special_clause": "Each year {special_figure}% of the Excess Cash Flow is applied in "
        "prepayment against the shortest maturities.",
        "special2": "Guarantor coverage",
        "special2_asks": "state the percentage of group assets that the Guarantors must hold "
        "between them.",
        "special2_clause": "The Guarantors shall hold between them at least {special2_figure}% of "
        "group assets, tested when the annual accounts arrive.",
        "asked_about": "the waste paper price hedges",
        "board": "slides",
    },
    "capital-markets": {
        "instrument": "Senior Notes Indenture", "obligor": "Issuer", "agent": "Trustee",
        "creditors": "Holders", "trade": "Broadband", "other_trade": "Fibre",
        "agent_trade": "Trust Company", "certificate": "Officers' Certificate",
        "test_day": "Reporting Date",
        "grant": "The Issuer has authorised senior notes of {commitment}, whose proceeds redeem "
        "the bridge notes and pay for the rural ducts.",
        "measure": "Consolidated Cash Flow",
        "formula": "net income plus interest, income taxes, depreciation and non-cash charges, "
        "excluding results of unrestricted subsidiaries",
        "formula_wrong": "receipts from subscribers less operating costs, maintenance spending and "
        "pole rents",
        "savings": "Run-rate cost savings from acquired networks",
        "test1_range": "210 290", "test2_range": "180 290",
        "test1": "Fixed Charge Coverage", "test2": "Secured Leverage",
        "test1_clause": "Fixed Charge Coverage shall be at least {test1_level}% before the Issuer "
        "incurs Ratio Debt, measured pro forma over four quarters.",
        "test2_clause": "Debt secured by Liens shall not be above {test2_level}% of Consolidated "
        "Cash Flow on any Reporting Date.",
        "test2_amended": "For as long as the Convertible Debentures are outstanding, Secured "
        "Leverage is tightened, and secured debt may then reach no more than {test2_level}% of "
        "Consolidated Cash Flow.",
        "junior_are": "Convertible Debentures are",
        "outlay": "restricted payments",
        "outlay_clause": "The Issuer may pay dividends and buy back stock for {outlay_limit} in a "
        "fiscal year; what it does not use lapses.",
        "outlay_amended": "The general basket for restricted payments is reset at {outlay_limit} "
        "for a fiscal year, with no carry-forward.",
        "sale": "spectrum licences", "sales": "Coastal band|Valley band|Border band|City band",
        "debts": "Vendor notes|Tower lease|Revolving line|Cable lease|Deferred price",
        "cure_means": "a capital contribution of its parent or the cancellation of notes",
        "special": "Optional redemption",
        "special_asks": "state the premium over principal at which notes may be called in an "
        "optional redemption.",
        "special_clause": "An optional redemption before the third anniversary calls notes at a "
        "premium of {special_figure}% over principal.",
        "special2": "Acceleration",
        "special2_asks": "state the percentage of principal whose holders may declare an "
        "acceleration.",
        "special2_clause": "Holders of {special2_figure}% of principal may declare an acceleration "
        "by written notice if an Event of Default continues.",
        "asked_about": "the pole attachment disputes",
        "board": "minutes",
    },
    "structured-finance-securitization": {
        "instrument": "Note Trust Deed", "obligor": "Issuer", "agent": "Note Trustee",
        "creditors": "Noteholders", "trade": "Motorlease", "other_trade": "Autoloan",
        "agent_trade": "Trustees", "certificate": "Servicer Certificate",
        "test_day": "Determination Date",
        "grant": "The Issuer has constituted asset-backed notes of {commitment}, secured on a pool "
        "of vehicle leases sold to it by the Originator.",
        "measure": "Available Collections",
        "formula": "lease instalments, recoveries and reserve drawings, less collections owed back "
        "to the Originator",
        "formula_wrong": "lease instalments and resale proceeds, with insurance rebates and swap "
        "receipts",
        "savings": "Expected recoveries on repossessed vehicles",
        "test1_range": "112 148", "test2_range": "5 14",
        "test1": "Overcollateralisation", "test2": "Concentration",
        "test1_clause": "Overcollateralisation shall be at least {test1_level}% of the Class A "
        "Notes, measured on the performing pool balance.",
        "test2_clause": "Leases to one lessee group shall not be above {test2_level}% of the pool "
        "on any Determination Date.",
        "test2_amended": "For as long as the Class C Notes are outstanding, Concentration is "
        "tightened, and one lessee group may then reach no more than {test2_level}% of the pool.",
        "junior_are": "Class C Notes are",
        "outlay": "pool substitutions",
        "outlay_clause": "The Issuer may buy replacement leases for {outlay_limit} in a year; what "
        "it does not buy lapses.",
        "outlay_amended": "The yearly quota for pool substitutions is reset at {outlay_limit}, "
        "and replacement leases must be current on every instalment.",
        "sale": "returned vehicles", "sales": "Vans lot|Lorries lot|Coaches lot|Trailers lot",
        "debts": "Liquidity line|Swap close-out|Class B Notes|Expense loan|Reserve loan",
        "cure_means": "a further deposit to the reserve account or eligible leases",
        "special": "Clean-up call",
        "special_asks": "state the remaining share of the initial pool balance at which the "
        "clean-up call may be exercised.",
        "special_clause": "The Originator may exercise its clean-up call once {special_figure}% of "
        "the initial pool balance remains.",
        "special2": "Servicer termination",
        "special2_asks": "state the cumulative net loss ratio above which the appointment of the "
        "Servicer may be terminated.",
        "special2_clause": "If the cumulative net loss ratio is above {special2_figure}%, the "
        "appointment of the Servicer may be terminated.",
        "asked_about": "the residual values of electric vans",
        "board": "slides",
    },
    "energy-natural-resources": {
        "instrument": "Reserve-Based Loan Agreement", "obligor": "Borrower",
        "agent": "Technical Bank", "creditors": "Lenders", "trade": "Petroleum",
        "other_trade": "Hydrocarbons", "agent_trade": "Bank", "certificate": "Field Certificate",
        "test_day": "Redetermination Date",
        "grant": "The Lenders make a borrowing base loan of {commitment} available to the Borrower "
        "for infill wells and the subsea tie-back.",
        "measure": "Net Field Cash Flow",
        "formula": "revenue from proved reserves at the bank price deck, less royalties, lifting "
        "costs and abandonment funding",
        "formula_wrong": "revenue from proved and probable reserves at forward prices, less "
        "transport and drilling costs",
        "savings": "Hedging gains that were not realised",
        "test1_range": "130 190", "test2_range": "52 84",
        "test1": "Loan Life Cover", "test2": "Hedging",
        "test1_clause": "Loan Life Cover shall be at least {test1_level}%, that is the present "
        "value of Net Field Cash Flow measured against the loans.",
        "test2_clause": "Price swaps shall not be above {test2_level}% of forecast output on any "
        "Redetermination Date.",
        "test2_amended": "For as long as the Second Lien Notes are outstanding, Hedging is "
        "tightened, and swaps may then reach no more than {test2_level}% of forecast output.",
        "junior_are": "Second Lien Notes are",
        "outlay": "exploration spending",
        "outlay_clause": "The Borrower may spend {outlay_limit} on wildcat wells in a calendar "
        "year; what it does not spend lapses.",
        "outlay_amended": "The yearly cap for exploration spending is reset at {outlay_limit}, and "
        "appraisal of an existing discovery does not count.",
        "sale": "non-operated licence interests",
        "sales": "North block|Delta block|Shelf block|Ridge block",
        "debts": "Rig lease|Prepayment swap|Decommissioning bond|Vendor loan|Bridge line",
        "cure_means": "new equity, or prepayment out of the debt service account",
        "special": "Abandonment reserve",
        "special_asks": "state the share of the abandonment estimate that is paid into the "
        "abandonment reserve each year.",
        "special_clause": "Each year {special_figure}% of the abandonment estimate is paid into "
        "the abandonment reserve account.",
        "special2": "Borrowing base",
        "special2_asks": "state the percentage of the discounted value of proved reserves at which "
        "the borrowing base is set.",
        "special2_clause": "The borrowing base is set at {special2_figure}% of the discounted "
        "value of proved reserves in the engineer's report.",
        "asked_about": "the water cut in the western wells",
        "board": "minutes",
    },
    "real-estate": {
        "instrument": "Ground-Lease Loan Agreement", "obligor": "Borrower",
        "agent": "Security Agent", "creditors": "Lenders", "trade": "Estates",
        "other_trade": "Offices", "agent_trade": "Mortgage Bank",
        "certificate": "Rental Certificate", "test_day": "Rent Date",
        "grant": "The Lenders make an investment loan of {commitment} available to the Borrower, "
        "secured on its long ground lease of the riverside tower.",
        "measure": "Net Rental Income",
        "formula": "rent received from occupational tenants, less ground rent, service charge "
        "shortfalls and unrecovered insurance",
        "formula_wrong": "rent due under occupational leases, with turnover rent, rent-free "
        "periods and parking added",
        "savings": "Rents under agreed but unsigned lettings",
        "test1_range": "125 185", "test2_range": "48 74",
        "test1": "Debt Service Cover", "test2": "Loan to Value",
        "test1_clause": "Debt Service Cover shall be at least {test1_level}%, that is Net Rental "
        "Income measured against interest and instalments.",
        "test2_clause": "The loan shall not be above {test2_level}% of the market value of the "
        "leasehold on any Rent Date.",
        "test2_amended": "For as long as the Mezzanine Loan is outstanding, Loan to Value is "
        "tightened, and the loan may then reach no more than {test2_level}% of the leasehold.",
        "junior_are": "Mezzanine Loan is",
        "outlay": "fit-out works",
        "outlay_clause": "The Borrower may spend {outlay_limit} on tenants' alterations in a "
        "calendar year; what it does not spend lapses.",
        "outlay_amended": "The yearly allowance for fit-out works is reset at {outlay_limit}, paid "
        "against the architect's statements.",
        "sale": "ancillary units", "sales": "Car park|Gatehouse|Pavilion|Boat store",
        "debts": "Lift lease|Tenant deposits|Ground rent arrears|Interest swap|Works loan",
        "cure_means": "a cash deposit to the blocked account or prepayment",
        "special": "Cash trap",
        "special_asks": "state the share of surplus rent that is kept on the blocked account while "
        "the cash trap applies.",
        "special_clause": "While the cash trap applies, {special_figure}% of surplus rent is kept "
        "on the blocked account.",
        "special2": "Insurance value",
        "special2_asks": "state the percentage of the reinstatement cost for which the tower must "
        "be insured.",
        "special2_clause": "The tower shall be insured for {special2_figure}% of its reinstatement "
        "cost, with three years of lost rent.",
        "asked_about": "the rent review of the ground lease",
        "board": "slides",
    },
}  # fmt: skip
