"""Words of the practice areas in which a provider's fees are reconciled with what was agreed.

Each area has two special clauses with one percentage each; `stages` are the heads of the invoices.
"""

from collections.abc import Mapping

RECONCILIATION_AREAS: Mapping[str, Mapping[str, str]] = {
    "funds-asset-management": {
        "instrument": "Administration Agreement", "provider": "Administrator", "client": "Fund",
        "provider_trade": "Fund Services", "client_trade": "Growth Fund",
        "like_provider": "Registrars", "like_client": "Income Trust",
        "service": "calculate the net asset value and keep the register of investors",
        "stages": "Valuation|Investor onboarding|Audit support|Tax reporting|Capital calls",
        "fixed_stage": "the annual audit support", "grades": "Director|Manager|Accountant",
        "special": "Valuation error",
        "special_asks": "state the reduction of the fee for a month in which a valuation error "
        "has to be corrected.",
        "special_clause": "For a month in which a valuation error has to be corrected, the fee "
        "of the Administrator is subject to a reduction of {special_figure}%.",
        "special2": "Most favoured investor",
        "special2_asks": "state the discount on the management fee that a most favoured investor "
        "receives under the side letter.",
        "special2_clause": "A most favoured investor receives a discount of {special2_figure}% on "
        "the management fee.",
    },
    "tax": {
        "instrument": "Tax Engagement Letter", "provider": "Adviser", "client": "Client",
        "provider_trade": "Tax Advisers", "client_trade": "Instruments",
        "like_provider": "Counsellors", "like_client": "Optics",
        "service": "prepare the transfer pricing files and conduct the audit defence",
        "stages": "Benchmark study|Master file|Audit defence|Ruling request|Appeal",
        "fixed_stage": "the ruling request", "grades": "Partner|Manager|Associate",
        "special": "Success component",
        "special_asks": "state the success component as a percentage of the tax saved by a final "
        "assessment.",
        "special_clause": "A success component of {special_figure}% of the tax saved falls due "
        "once an assessment is final.",
        "special2": "Joint work discount",
        "special2_asks": "state the joint work discount for files prepared with foreign "
        "correspondents.",
        "special2_clause": "For files prepared with foreign correspondents, a joint work discount "
        "of {special2_figure}% applies.",
    },
    "corporate-governance": {
        "instrument": "Company Secretarial Agreement", "provider": "Secretary",
        "client": "Company", "provider_trade": "Corporate Secretaries", "client_trade": "Ceramics",
        "like_provider": "Company Clerks", "like_client": "Porcelain",
        "service": "prepare board and committee meetings and keep the statutory books",
        "stages": "Board meetings|Annual meeting|Committee papers|Board review|Share register",
        "fixed_stage": "the annual general meeting", "grades": "Principal|Secretary|Assistant",
        "special": "Weekend surcharge",
        "special_asks": "state the weekend surcharge on work requested by the chair at short "
        "notice.",
        "special_clause": "Work requested by the chair at short notice carries a weekend surcharge "
        "of {special_figure}%.",
        "special2": "Subsidiary discount",
        "special2_asks": "state the subsidiary discount on the statutory books of group companies.",
        "special2_clause": "On the statutory books of group companies, a subsidiary discount of "
        "{special2_figure}% applies.",
    },
    "immigration": {
        "instrument": "Mobility Services Agreement", "provider": "Mobility Agent",
        "client": "Employer", "provider_trade": "Relocation", "client_trade": "Semiconductors",
        "like_provider": "Mobility", "like_client": "Microchips",
        "service": "obtain work permits and residence cards for assigned employees",
        "stages": "Work permits|Residence cards|Family visas|Renewals|Compliance audit",
        "fixed_stage": "the compliance audit", "grades": "Lead counsel|Case manager|Paralegal",
        "special": "Refund on refusal",
        "special_asks": "state the percentage of the case fee that is refunded when a permit is "
        "refused for an error in the application.",
        "special_clause": "When a permit is refused for an error in the application, "
        "{special_figure}% of the case fee is refunded.",
        "special2": "Group filing discount",
        "special2_asks": "state the group filing discount when several employees move to the same "
        "site.",
        "special2_clause": "When several employees move to the same site, a group filing discount "
        "of {special2_figure}% applies.",
    },
    "white-collar-defense-investigations": {
        "instrument": "Forensic Engagement Letter", "provider": "Forensic Accountant",
        "client": "Company", "provider_trade": "Forensics", "client_trade": "Medical Devices",
        "like_provider": "Investigators", "like_client": "Prosthetics",
        "service": "review payments to distributors under the direction of counsel",
        "stages": "Data collection|Ledger review|Interviews|Hosting|Final report",
        "fixed_stage": "the final report", "grades": "Partner|Investigator|Data analyst",
        "special": "Hosting reduction",
        "special_asks": "state the percentage by which the hosting charge falls once the review "
        "data are archived.",
        "special_clause": "Once the review data are archived, the hosting charge falls by "
        "{special_figure}%.",
        "special2": "Language premium",
        "special2_asks": "state the language premium on interviews held with an interpreter.",
        "special2_clause": "On interviews held with an interpreter, a language premium of "
        "{special2_figure}% applies.",
    },
    "international-trade-sanctions": {
        "instrument": "Customs Advisory Agreement", "provider": "Customs Adviser",
        "client": "Importer", "provider_trade": "Customs", "client_trade": "Machinery",
        "like_provider": "Tariff Experts", "like_client": "Tools",
        "service": "classify goods, screen end users and file licence applications",
        "stages": "Classification|End user screening|Licence filings|Voluntary disclosure|Training",
        "fixed_stage": "the voluntary disclosure", "grades": "Partner|Senior adviser|Analyst",
        "special": "Duty refund share",
        "special_asks": "state the share of a duty refund obtained by reclassification that the "
        "adviser keeps.",
        "special_clause": "Of a duty refund obtained by reclassification, the Customs Adviser "
        "keeps {special_figure}%.",
        "special2": "Screening volume discount",
        "special2_asks": "state the volume discount on end user screening for bulk lists.",
        "special2_clause": "For bulk lists, a volume discount of {special2_figure}% on end user "
        "screening applies.",
    },
}  # fmt: skip
