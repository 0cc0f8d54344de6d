"""Words of the practice areas in which a breach was notified and deadlines run.

`obligor` is said to be in breach, `claimant` gave the notice. Each area has two special clauses
with one figure each.
"""

from collections.abc import Mapping

BREACH_AREAS: Mapping[str, Mapping[str, str]] = {
    "litigation-dispute-resolution": {
        "instrument": "Framework Supply Agreement", "obligor": "Supplier", "claimant": "Purchaser",
        "obligor_trade": "Seals", "claimant_trade": "Bottling",
        "like_obligor": "Gaskets", "like_claimant": "Canning",
        "exposed": "listings with two retail chains",
        "duty": "deliver seal kits for the bottling line that are free from defects",
        "breach": "the Supplier delivered seal kits that failed the pressure test",
        "found": "a line inspection", "blamed_for": "the faulty rubber compound",
        "heads": "Replacement kits|Line standstill|Expert inspection|Express freight|Rebates",
        "forum": "Disputes are decided by the commercial courts of {city}, in English.",
        "special": "Delay damages",
        "special_asks": "state the percentage of the price of a late delivery at which delay "
        "damages are capped.",
        "special_clause": "Delay damages accrue from day to day and are capped at "
        "{special_figure}% of the price of the late delivery.",
        "special2": "Price retention",
        "special2_asks": "state the percentage of each invoice that may be retained until the seal "
        "kits pass acceptance.",
        "special2_clause": "The Purchaser may retain {special2_figure}% of each invoice until the "
        "seal kits pass acceptance.",
    },
    "arbitration-international-dispute-resolution": {
        "instrument": "Construction Contract", "obligor": "Contractor", "claimant": "Employer",
        "obligor_trade": "Engineering", "claimant_trade": "Desalination",
        "like_obligor": "Builders", "like_claimant": "Waterworks",
        "exposed": "the offtake tariff of the coastal towns",
        "duty": "bring the desalination plant to mechanical completion by the milestone dates",
        "breach": "the Contractor missed the milestone for mechanical completion of the intake",
        "found": "the monthly progress audit", "blamed_for": "late pump deliveries",
        "heads": "Standby crews|Bridge water supply|Financing cost|Supervision|Grid penalties",
        "forum": "Disputes are finally settled by three arbitrators; the seat is {city}.",
        "special": "Performance bond",
        "special_asks": "state the percentage of the contract price that the performance bond "
        "secures until taking over.",
        "special_clause": "The performance bond secures {special_figure}% of the contract price "
        "until taking over.",
        "special2": "Variation margin",
        "special2_asks": "state the margin on proven cost by which variations of the works are "
        "priced.",
        "special2_clause": "Variations of the works are priced at proven cost plus a margin of "
        "{special2_figure}%.",
    },
    "data-privacy-cybersecurity": {
        "instrument": "Data Processing Agreement", "obligor": "Processor",
        "claimant": "Controller", "obligor_trade": "Cloud", "claimant_trade": "Clinics",
        "like_obligor": "Hosting", "like_claimant": "Hospitals",
        "exposed": "referrals from three insurers",
        "duty": "keep patient records encrypted at rest and in transit",
        "breach": "the Processor left a backup of patient records unencrypted on a public server",
        "found": "a routine port scan", "blamed_for": "the wrong access setting",
        "heads": "Forensic review|Patient letters|Call centre|Credit monitoring|Authority fees",
        "forum": "Disputes are decided by the courts of {city}; authorities keep their powers.",
        "special": "Audit cost",
        "special_asks": "state the share of the audit cost that the Processor bears after a "
        "personal data incident.",
        "special_clause": "After a personal data incident, the Processor bears {special_figure}% "
        "of the audit cost of the following year.",
        "special2": "Availability commitment",
        "special2_asks": "state the fee reduction for a month in which the availability commitment "
        "for restored records is missed.",
        "special2_clause": "For a month in which the availability commitment for restored records "
        "is missed, the fee is reduced by {special2_figure}%.",
    },
    "employment-labor": {
        "instrument": "Staffing Agreement", "obligor": "Agency", "claimant": "Client",
        "obligor_trade": "Staffing", "claimant_trade": "Logistics",
        "like_obligor": "Personnel", "like_claimant": "Haulage",
        "exposed": "the parcel mandate of its largest shipper",
        "duty": "pay agency workers the rates of the collective agreement from the first day",
        "breach": "the Agency paid night shift workers below the collective agreement",
        "found": "an inspection of payslips", "blamed_for": "the wrong shift codes",
        "heads": "Wage arrears|Social security|Works council counsel|Payroll audit|Fines",
        "forum": "Disputes are decided by the courts of {city}; labour courts keep their cases.",
        "special": "Transfer fee",
        "special_asks": "state the transfer fee as a percentage of the annual salary if the Client "
        "hires an agency worker.",
        "special_clause": "If the Client hires an agency worker, a transfer fee of "
        "{special_figure}% of the annual salary is due.",
        "special2": "Overtime supplement",
        "special2_asks": "state the overtime supplement on the hourly rate for Sundays and public "
        "holidays.",
        "special2_clause": "For Sundays and public holidays an overtime supplement of "
        "{special2_figure}% on the hourly rate is charged.",
    },
    "bankruptcy-restructuring": {
        "instrument": "Forbearance Agreement", "obligor": "Debtor", "claimant": "Creditor",
        "obligor_trade": "Retail", "claimant_trade": "Factoring",
        "like_obligor": "Outlets", "like_claimant": "Lending",
        "exposed": "the recovery on the inventory pledge",
        "duty": "keep the minimum liquidity and report it at the close of every week",
        "breach": "the Debtor fell below the minimum liquidity and withheld the weekly report",
        "found": "a visit of the monitoring accountant", "blamed_for": "the late card settlements",
        "heads": "Default interest|Monitoring|Security filing|Counsel|Hedge unwinding",
        "forum": "Disputes are decided by the courts of {city}, where the security is registered.",
        "special": "Forecast variance",
        "special_asks": "state the variance between the cash forecast and actual receipts above "
        "which a forbearance default occurs.",
        "special_clause": "A variance of more than {special_figure}% between the cash forecast and "
        "actual receipts is a forbearance default.",
        "special2": "Asset sale sweep",
        "special2_asks": "state the percentage of the net proceeds of store closures that is swept "
        "to prepay the loans.",
        "special2_clause": "Of the net proceeds of store closures, {special2_figure}% is swept to "
        "prepay the loans.",
    },
    "antitrust-competition": {
        "instrument": "Divestiture Agreement", "obligor": "Seller", "claimant": "Purchaser",
        "obligor_trade": "Adhesives", "claimant_trade": "Polymers",
        "like_obligor": "Sealants", "like_claimant": "Resins",
        "exposed": "margins with the divested accounts",
        "duty": "hold the divested business separate and ring-fence its customer data",
        "breach": "the Seller gave its retained sales team the divested price lists",
        "found": "the monitoring trustee's review", "blamed_for": "the shared mailbox",
        "heads": "Lost margins|Price audit|Ring-fence rebuild|Trustee fees|Customer retention",
        "forum": "Disputes are decided by the courts of {city}; the commitments stay enforceable.",
        "special": "Retained supply",
        "special_asks": "state the share of the Seller's resin output that is reserved for the "
        "divested business as retained supply.",
        "special_clause": "As retained supply, {special_figure}% of the Seller's resin output is "
        "reserved for the divested business.",
        "special2": "Retention bonus",
        "special2_asks": "state the retention bonus of key employees as a percentage of base pay.",
        "special2_clause": "Key employees receive a retention bonus of {special2_figure}% of base "
        "pay if they stay with the divested business.",
    },
}  # fmt: skip
