"""Words of the practice areas in which a request for information or records is answered.

A word that ends in `_wrong` is the side that only a superseded policy or a neighbour's file tells.
`kind` says in which days the response period runs.
"""

from collections.abc import Mapping

DATA_REQUEST_AREAS: Mapping[str, Mapping[str, str]] = {
    "data-privacy-cybersecurity": {
        "trade": "Telecom", "neighbour_trade": "Broadband", "firm_trade": "Advocates",
        "kind": "calendar", "request": "subject access request",
        "request_title": "Request for access to personal data",
        "request_file": "Access request", "policy_file": "Policy on data subject rights",
        "policy_title": "Policy on the rights of data subjects",
        "asker": "the applicant's lawyers", "asker_true": "{firm}", "asker_wrong": "{firm}",
        "capacity": "the law firm that holds the applicant's power of attorney",
        "subject_role": "data subject", "contact_role": "the paralegal who keeps the mandate",
        "basis": "Article 15 of the General Data Protection Regulation",
        "basis_wrong": "Article 20 of the General Data Protection Regulation",
        "scope": "Call recordings",
        "scope_asks": "state the day from which call recordings and their transcripts are asked "
        "for.",
        "scope_clause": "Category A covers call recordings and their transcripts from {scope_from} "
        "onwards.",
        "scope2": "Location data",
        "scope2_asks": "state for how many months location data and tariff profiles are asked for.",
        "scope2_clause": "Category B covers location data and tariff profiles of the last "
        "{scope_months} months.",
        "channel": "as a download from an encrypted portal",
        "channel_wrong": "on paper by registered post",
        "delay_asks": "state the compensation that will be claimed for each month in which the "
        "answer is late.",
        "delay_clause": "For each month in which the answer is late, compensation of {penalty} "
        "will be claimed, and the supervisory authority will be told.",
        "exempt_title": "Data of other people",
        "exempt_asks": "state what the policy says on data of other people in a mailbox thread.",
        "exempt_clause": "Data of other people in a mailbox thread are {exempt}.",
        "exempt": "blacked out unless they have consented",
        "exempt_wrong": "released if the thread is short",
        "redact_title": "Security settings",
        "redact_asks": "state how fraud scores and security settings are treated under the policy.",
        "redact_clause": "Fraud scores and security settings are {redact}.",
        "redact": "described in general words only", "redact_wrong": "handed over as raw values",
        "systems": "billing archive|call centre recorder|network probe|complaints mailbox|"
        "shop till journal|loyalty database|field engineers' notebook",
        "gap_text": "the deletion routine ran on although a freeze was ordered",
        "gap_impact": "lost recordings cannot be made again and the authority fines such losses",
        "cure": "restore the recordings from the offsite backup",
        "cure_wrong": "tell the applicant that no recordings were ever made",
        "next_topic": "the transcripts",
    },
    "healthcare-life-sciences": {
        "trade": "Clinics", "neighbour_trade": "Infirmary", "firm_trade": "Health Plan",
        "kind": "calendar", "request": "payer audit request",
        "request_title": "Notice of post-payment audit and request for medical records",
        "request_file": "Audit notice", "policy_file": "Policy on payer audits",
        "policy_title": "Policy on audits by health plans",
        "asker": "the payer", "asker_true": "{firm}", "asker_wrong": "{firm}",
        "capacity": "the payer of the audited claims",
        "subject_role": "attending physician",
        "contact_role": "the nurse auditor at the payer's recovery unit",
        "basis": "section 8.4 of the Participating Provider Agreement",
        "basis_wrong": "section 6.2 of the Participating Provider Agreement",
        "scope": "Infusion claims",
        "scope_asks": "state the date of service from which charts of infusion claims are asked "
        "for.",
        "scope_clause": "Category A covers the charts of infusion claims with dates of service "
        "from {scope_from} onwards.",
        "scope2": "Credentialing files",
        "scope2_asks": "state how many months the credentialing files and supervision logs must "
        "reach back.",
        "scope2_clause": "Category B covers credentialing files and supervision logs, which must "
        "reach back {scope_months} months.",
        "channel": "through the payer's chart upload gateway",
        "channel_wrong": "by facsimile to the recovery unit",
        "delay_asks": "state the amount by which payments are offset for each week in which charts "
        "are late.",
        "delay_clause": "For each week in which charts are late, the payer will offset {penalty} "
        "against current payments.",
        "exempt_title": "Psychotherapy notes",
        "exempt_asks": "state what the policy says on psychotherapy notes kept apart from the "
        "chart.",
        "exempt_clause": "Psychotherapy notes kept apart from the chart are {exempt}.",
        "exempt": "held back without exception", "exempt_wrong": "released with the discharge form",
        "redact_title": "Diagnoses outside the audit",
        "redact_asks": "state how diagnoses outside the audited claims are treated.",
        "redact_clause": "Diagnoses outside the audited claims are {redact}.",
        "redact": "covered before copying", "redact_wrong": "left as they stand in the chart",
        "systems": "electronic chart|infusion pump export|pharmacy dispensing ledger|"
        "scheduling calendar|nursing flowsheets|paper consent cabinet|laboratory interface",
        "gap_text": "the start and stop times of the drip were not recorded",
        "gap_impact": "timed codes without times are recouped in full",
        "cure": "add signed late entries from the nurses' own worksheets",
        "cure_wrong": "fill in the usual times from the order sets",
        "next_topic": "the infusion charts",
    },
    "employment-labor": {
        "trade": "Logistics", "neighbour_trade": "Freight", "firm_trade": "Staffing",
        "kind": "business", "request": "charge information request",
        "request_title": "Request for information on a charge of discrimination",
        "request_file": "Request for information", "policy_file": "Policy on agency charges",
        "policy_title": "Policy on charges before employment agencies",
        "asker": "the investigator",
        "asker_true": "the Eastern District Office of the Equal Opportunity Commission",
        "asker_wrong": "the Western District Office of the Equal Opportunity Commission",
        "capacity": "the agency that investigates the charge",
        "subject_role": "charging party", "contact_role": "the investigator in charge",
        "basis": "section 709(a) of Title VII of the Civil Rights Act",
        "basis_wrong": "section 11(a) of the Fair Labor Standards Act",
        "scope": "Promotion decisions",
        "scope_asks": "state the day from which promotion decisions and shift bids must be listed.",
        "scope_clause": "Category A covers promotion decisions and shift bids, listed from "
        "{scope_from} onwards.",
        "scope2": "Comparators",
        "scope2_asks": "state for how many months the pay of comparators in the same warehouse "
        "must be shown.",
        "scope2_clause": "Category B covers the pay of comparators in the same warehouse over "
        "{scope_months} months.",
        "channel": "by upload to the respondent portal",
        "channel_wrong": "by hand at the district office",
        "delay_asks": "state the administrative charge for each week in which the position "
        "statement is late.",
        "delay_clause": "For each week in which the position statement is late, an administrative "
        "charge of {penalty} applies and an adverse inference may be drawn.",
        "exempt_title": "Interview notes of counsel",
        "exempt_asks": "state what the policy says on interview notes taken by counsel.",
        "exempt_clause": "Interview notes taken by counsel are {exempt}.",
        "exempt": "withheld as work product", "exempt_wrong": "summarised for the investigator",
        "redact_title": "Pay of comparators",
        "redact_asks": "state how the home addresses and social security numbers of colleagues are "
        "treated.",
        "redact_clause": "Home addresses and social security numbers of colleagues are {redact}.",
        "redact": "replaced by a personnel code", "redact_wrong": "shown in the last four digits",
        "systems": "payroll engine|shift bidding board|hotline register|badge readers|"
        "applicant tracker|supervisors' chat groups|grievance binder",
        "gap_text": "the bids of rejected candidates were overwritten",
        "gap_impact": "without the bids the ranking of candidates cannot be shown",
        "cure": "rebuild the bids from the printed posting sheets",
        "cure_wrong": "hand over the final rosters alone",
        "next_topic": "the comparator table",
    },
    "white-collar-defense-investigations": {
        "trade": "Wealth", "neighbour_trade": "Brokerage", "firm_trade": "Forensics",
        "kind": "business", "request": "documents subpoena",
        "request_title": "Subpoena for documents",
        "request_file": "Subpoena", "policy_file": "Protocol for subpoenas",
        "policy_title": "Protocol for subpoenas and document holds",
        "asker": "the staff attorney",
        "asker_true": "the Division of Enforcement, Harbour Regional Office",
        "asker_wrong": "the Division of Examinations, Lakeside Regional Office",
        "capacity": "the officer designated in the formal order",
        "subject_role": "former trader", "contact_role": "the staff attorney on the order",
        "basis": "section 209(b) of the Investment Advisers Act",
        "basis_wrong": "section 17(a) of the Securities Exchange Act",
        "scope": "Trade allocation",
        "scope_asks": "state the day from which trade allocation blotters and their edits are "
        "called for.",
        "scope_clause": "Category A covers trade allocation blotters and every edit of them from "
        "{scope_from} onwards.",
        "scope2": "Messaging applications",
        "scope2_asks": "state for how many months chats on messaging applications and personal "
        "devices are called for.",
        "scope2_clause": "Category B covers chats on messaging applications and personal devices "
        "for {scope_months} months.",
        "channel": "as load files on an encrypted drive",
        "channel_wrong": "as printed and tabbed binders",
        "delay_asks": "state the sum that the staff will seek for each week of late production.",
        "delay_clause": "For each week of late production the staff will seek {penalty} in an "
        "enforcement application to the district court.",
        "exempt_title": "Privilege",
        "exempt_asks": "state what the protocol says on advice of counsel about allocation "
        "practices.",
        "exempt_clause": "Advice of counsel about allocation practices is {exempt}.",
        "exempt": "withheld document by document",
        "exempt_wrong": "produced under a waiver letter",
        "redact_title": "Client identities",
        "redact_asks": "state how identities of advisory clients in blotters are treated.",
        "redact_clause": "Identities of advisory clients in blotters are {redact}.",
        "redact": "masked by account codes", "redact_wrong": "produced in clear text",
        "systems": "order management platform|recorded dealing lines|compliance surveillance queue|"
        "portfolio accounting server|handset backups|expense claims|compliance attestations",
        "gap_text": "chats were set to vanish after a week",
        "gap_impact": "vanished chats may be read as obstruction",
        "cure": "image the counterparties' handsets under a protocol",
        "cure_wrong": "ask each trader for a written recollection",
        "next_topic": "the chats",
    },
    "immigration": {
        "trade": "Foods", "neighbour_trade": "Bakery", "firm_trade": "Mobility",
        "kind": "business", "request": "sponsor audit notice",
        "request_title": "Notice of inspection of employment eligibility records",
        "request_file": "Notice of inspection", "policy_file": "Policy on eligibility records",
        "policy_title": "Policy on work eligibility records and inspections",
        "asker": "the auditor",
        "asker_true": "the Worksite Inspection Unit, Northern Field Office",
        "asker_wrong": "the Worksite Inspection Unit, Coastal Field Office",
        "capacity": "the unit that inspects sponsors of foreign workers",
        "subject_role": "sponsored worker", "contact_role": "the forensic auditor at the field "
        "office",
        "basis": "section 274A(e) of the Immigration and Nationality Act",
        "basis_wrong": "section 212(n) of the Immigration and Nationality Act",
        "scope": "Eligibility forms",
        "scope_asks": "state the hiring date from which eligibility forms with copies of identity "
        "papers must be presented.",
        "scope_clause": "Category A covers eligibility forms with copies of identity papers for "
        "everybody hired from {scope_from} onwards.",
        "scope2": "Wage records of sponsored workers",
        "scope2_asks": "state for how many months quarterly wage reports and public access files "
        "must be presented.",
        "scope2_clause": "Category B covers quarterly wage reports and public access files for "
        "{scope_months} months.",
        "channel": "in original at the inspected plant", "channel_wrong": "by scan to the unit",
        "delay_asks": "state the fine for each batch of forms that is presented late.",
        "delay_clause": "For each batch of forms that is presented late, a fine of {penalty} is "
        "imposed.",
        "exempt_title": "Asylum papers",
        "exempt_asks": "state what the policy says on asylum and family papers in a personnel "
        "jacket.",
        "exempt_clause": "Asylum and family papers in a personnel jacket are {exempt}.",
        "exempt": "taken out and sealed", "exempt_wrong": "presented with the jacket",
        "redact_title": "Medical entries",
        "redact_asks": "state how medical entries on visa questionnaires are treated.",
        "redact_clause": "Medical entries on visa questionnaires are {redact}.",
        "redact": "covered by a blank sheet", "redact_wrong": "presented in a separate envelope",
        "systems": "eligibility form vault|onboarding kiosk|visa case manager|punch clock|"
        "dormitory roster|recruiters' shared drive|plant personnel jackets",
        "gap_text": "the reverification of expired permits was left blank",
        "gap_impact": "blank reverifications count as substantive violations",
        "cure": "reverify on a new page with a dated memorandum",
        "cure_wrong": "backdate the missing page",
        "next_topic": "the wage reports",
    },
}  # fmt: skip
