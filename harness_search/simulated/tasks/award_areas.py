"""Words of the practice areas in which a decision is compared with the claim and the experts.

`panel` is who decided, `challenge` the remedy against the decision. `rule` is the legal standard
that the panel applied, `rule_wrong` what a draft says instead. The two special clauses have one
figure each. `other_trade` is the trade of a party to the neighbouring proceedings.
"""

from collections.abc import Mapping

AWARD_AREAS: Mapping[str, Mapping[str, str]] = {
    "arbitration-international-dispute-resolution": {
        "decision": "Final Award", "panel": "Tribunal", "chair": "presiding arbitrator",
        "member": "co-arbitrators", "seat": "seat of the arbitration", "registrar": "case manager",
        "claimant": "Claimant", "respondent": "Respondent", "pleading": "Statement of Claim",
        "trade": "Turbines", "other_trade": "Compressors", "opposing_trade": "Hydropower",
        "instrument": "Turnkey Contract", "challenge": "application to set aside",
        "background": "The Turnkey Contract concerns two runners for a run-of-river plant, their "
        "transport to the gorge and twelve months of trial operation.",
        "breach": "the Respondent wrongly refused the taking-over certificate on {breached}, after "
        "the trial run had been passed",
        "breach_asked": "wrongly refused the taking-over certificate",
        "rule": "loss of profit is owed if it was foreseeable when the contract was made",
        "rule_wrong": "loss of profit is owed only in cases of gross negligence",
        "failure": "the Claimant left the spare runner in store through a flood season",
        "counter": "late commissioning of the second runner",
        "heads": "Idle crews|Site overheads|Lost profit|Storage|Currency loss|Bond charges",
        "asset": "the receivables from the grid company",
        "special": "Retention money",
        "special_asks": "state the share of the retention money that was released by the panel.",
        "special_clause": "The Tribunal orders that {special_figure}% of the retention money be "
        "released to the Claimant against a receipt.",
        "special2": "Document production",
        "special2_asks": "state the part of the document production costs that was disallowed.",
        "special2_clause": "As its requests were too broad, {special2_figure}% of the Claimant's "
        "document production costs were disallowed.",
    },
    "litigation-dispute-resolution": {
        "decision": "Judgment", "panel": "Commercial Chamber", "chair": "presiding judge",
        "member": "associate judges", "seat": "place of the court", "registrar": "court clerk",
        "claimant": "Plaintiff", "respondent": "Defendant", "pleading": "Particulars of Claim",
        "trade": "Breweries", "other_trade": "Distillers", "opposing_trade": "Refrigeration",
        "instrument": "Cold Store Contract", "challenge": "notice of appeal",
        "background": "The Cold Store Contract concerns the design, delivery and upkeep of three "
        "cold rooms for hops and yeast.",
        "breach": "the Defendant switched off the remote alarm of the cold rooms on {breached}, "
        "without telling the brewers",
        "breach_asked": "switched off the remote alarm of the cold rooms",
        "rule": "a limitation of liability does not cover a breach that was concealed",
        "rule_wrong": "a limitation of liability covers every breach short of fraud",
        "failure": "the Plaintiff did not move its yeast to a cooled lorry at once",
        "counter": "unpaid maintenance visits",
        "heads": "Spoiled hops|Yeast strains|Recall|Replacement cooling|Lost orders|Laboratory",
        "asset": "the bank guarantee lodged for the maintenance",
        "special": "Expert inspection",
        "special_asks": "state the share of the cost of the expert inspection that was allowed.",
        "special_clause": "Of the cost of the expert inspection before trial, {special_figure}% is "
        "allowed as a cost of the proceedings.",
        "special2": "Published price index",
        "special2_asks": "state the increase of the published price index for hops that the "
        "damages follow.",
        "special2_clause": "Damages for hops follow the published price index, which rose by "
        "{special2_figure}% over the season.",
    },
    "environmental-esg": {
        "decision": "Determination", "panel": "Remediation Panel", "chair": "panel chair",
        "member": "technical members", "seat": "seat of the panel", "registrar": "panel secretary",
        "claimant": "Applicant", "respondent": "Polluter", "pleading": "Cost Recovery Claim",
        "trade": "Waterworks", "other_trade": "Reservoirs", "opposing_trade": "Galvanising",
        "instrument": "Remediation Agreement", "challenge": "petition for judicial review",
        "background": "The Remediation Agreement concerns solvents in the aquifer below a former "
        "plating shop, and who pays for wells and filters.",
        "breach": "the Polluter stopped the extraction wells on {breached}, before the solvent "
        "plume had shrunk to the agreed line",
        "breach_asked": "stopped the extraction wells",
        "rule": "the polluter pays for precautions that a prudent water supplier would take",
        "rule_wrong": "the polluter pays only for the removal of solvents from its own land",
        "failure": "the Applicant took two sampling rounds too few in the dry year",
        "counter": "access roads that were worn out by drilling rigs",
        "heads": "Carbon filters|New boreholes|Sampling|Bottled water|Modelling|Public notices",
        "asset": "the escrow account for the plating shop",
        "special": "Orphan share",
        "special_asks": "state the orphan share of the solvents that nobody can be charged with.",
        "special_clause": "The orphan share, for solvents of insolvent tenants, is fixed at "
        "{special_figure}% and is charged to nobody.",
        "special2": "Monitoring reserve",
        "special2_asks": "state the percentage of the annual sampling budget that the monitoring "
        "reserve holds.",
        "special2_clause": "A monitoring reserve of {special2_figure}% of the annual sampling "
        "budget is held until the plume is closed.",
    },
    "bankruptcy-restructuring": {
        "decision": "Claims Ruling", "panel": "Claims Panel", "chair": "panel president",
        "member": "lay members", "seat": "seat of the insolvency court",
        "registrar": "claims registrar", "claimant": "Estate", "respondent": "Transferee",
        "pleading": "Avoidance Petition", "trade": "Department Stores", "other_trade": "Bazaars",
        "opposing_trade": "Wholesale", "instrument": "Stock Transfer Contract",
        "challenge": "request for review",
        "background": "The Stock Transfer Contract moved winter stock of nine shops to the "
        "Transferee shortly before the insolvency opened.",
        "breach": "the Transferee took the winter stock below its value on {breached}, knowing "
        "that wages were unpaid",
        "breach_asked": "took the winter stock below its value",
        "rule": "knowledge of unpaid wages is treated as knowledge of insolvency",
        "rule_wrong": "knowledge of insolvency requires sight of a balance sheet",
        "failure": "the Estate did not collect the unsold coats that were offered back",
        "counter": "freight and customs duties on the coats",
        "heads": "Winter coats|Footwear|Shop fittings|Gift cards|Customer data|Trade marks",
        "asset": "the consignment stock in the bonded warehouse",
        "special": "Priority share",
        "special_asks": "state the priority share of the recovered sum that goes to wage claims.",
        "special_clause": "A priority share of {special_figure}% of the recovered sum goes to wage "
        "claims of the last three months.",
        "special2": "Forced sale discount",
        "special2_asks": "state the forced sale discount by which the stock was valued below list.",
        "special2_clause": "For the value of the stock, a forced sale discount of "
        "{special2_figure}% below list prices is applied.",
    },
}  # fmt: skip
