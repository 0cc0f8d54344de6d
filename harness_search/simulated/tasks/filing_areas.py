"""Words of the practice areas for which a filing strategy memo is written.

Each area has an `authority` that must clear a deal, its published `guidance` with a rule of two
limits, an `agreement` with covenants about the filing, a table whose `column` is added up, and
phrases from hot documents. `near_trade` and `near_buyer_trade` name the neighbouring deal.
"""

from collections.abc import Mapping

FILING_AREAS: Mapping[str, Mapping[str, str]] = {
    "antitrust-competition": {
        "trade": "Canneries", "buyer_trade": "Foodservice", "near_trade": "Canning",
        "near_buyer_trade": "Food Service", "deal": "a merger of {target} with {buyer}",
        "agreement": "Merger Agreement", "filing": "merger notification",
        "authority": "Competition Agency", "guidance": "Merger Review Guidance",
        "measure": "points", "sheet": "Market table", "column": "Net sales",
        "player": "Supplier", "market": "canned vegetables",
        "rule_name": "Presumption of harm",
        "rule": "The {authority} presumes that a merger harms competition where the post-merger "
        "HHI is above {limit} points and the merger raises the HHI by more than {limit2} points.",
        "rule_asks": "state above which post-merger HHI, and above which rise of the HHI, the "
        "Competition Agency presumes that a merger harms competition.",
        "finding_name": "Concentration",
        "finding": "On last year's shares the delta in canned vegetables is {change} points and "
        "the concentration afterwards {level} points.",
        "finding_asks": "state the concentration in canned vegetables afterwards and the delta, on "
        "last year's shares.",
        "remedy": "divestiture of the Dunmore cannery",
        "paper": "white paper on entry by own-label packers",
        "special": "Divestiture discount",
        "special_asks": "state the discount on the book value of divested canning lines that the "
        "price adjustment shares between the parties.",
        "special_clause": "If canning lines are divested below their book value, a discount of up "
        "to {special_figure}% is shared between the parties as a price adjustment.",
        "phrases": "we would own the aisle|after this nobody can undercut us|take out the last "
        "maverick|price rises will stick once they are gone|there is no fourth bidder left|buy "
        "them before they spoil the category",
    },
    "corporate-ma": {
        "trade": "Hydraulics", "buyer_trade": "Motion Controls", "near_trade": "Fluid Power",
        "near_buyer_trade": "Drives", "deal": "a purchase of all shares in {target} by {buyer}",
        "agreement": "Share Purchase Agreement", "filing": "premerger notification",
        "authority": "Premerger Office", "guidance": "Premerger Notification Guide",
        "measure": "points", "sheet": "Segment table", "column": "Segment turnover",
        "player": "Manufacturer", "market": "piston pumps",
        "rule_name": "Structural presumption",
        "rule": "A transaction is presumed unlawful if the resulting HHI exceeds {limit} points "
        "and its increase in the HHI exceeds {limit2} points.",
        "rule_asks": "state the resulting HHI and the increase in the HHI beyond which a "
        "transaction is presumed unlawful.",
        "finding_name": "Overlap in piston pumps",
        "finding": "The overlap in piston pumps adds {change} points and leaves the segment at "
        "{level} points.",
        "finding_asks": "state at how many points the overlap leaves the segment, and how many "
        "points it adds.",
        "remedy": "sale of the Ashby pump works",
        "paper": "white paper on multi-sourcing by customers",
        "special": "Escrow for clearance costs",
        "special_asks": "state the percentage of the purchase price that is held in escrow for the "
        "costs of clearance remedies.",
        "special_clause": "At closing {special_figure}% of the purchase price goes into escrow "
        "until the costs of clearance remedies have been settled.",
        "phrases": "this ends the price war for good|we close the gap and then the list goes up|"
        "they are the only ones who still bid against us|our moat gets its last stone|customers "
        "will have nowhere to walk to|kill the discount culture on day one",
    },
    "intellectual-property": {
        "trade": "Photonics", "buyer_trade": "Imaging", "near_trade": "Optronics",
        "near_buyer_trade": "Cameras",
        "deal": "an exclusive licence of the sensor patents of {target} to {buyer}",
        "agreement": "Exclusive Licence Agreement", "filing": "licence clearance request",
        "authority": "Technology Licensing Board", "guidance": "Technology Transfer Guidelines",
        "measure": "percent", "sheet": "Licensed sales", "column": "Sales under licence",
        "player": "Licensee", "market": "image sensors",
        "rule_name": "Loss of the safe harbour",
        "rule": "An exclusive licence falls outside the safe harbour if the combined technology "
        "share of the parties is more than {limit}% or the royalty burden is more than {limit2}% "
        "of the selling price.",
        "rule_asks": "state beyond which combined technology share, and beyond which royalty "
        "burden, an exclusive licence falls outside the safe harbour.",
        "finding_name": "Position in image sensors",
        "finding": "In image sensors the licensor and its rival reach {level}% of all granted "
        "families together, and stacked royalties come to {change}% per unit.",
        "finding_asks": "state which part of all granted families the licensor and its rival reach "
        "together, and what stacked royalties come to per unit.",
        "remedy": "non-exclusive sublicence of the readout patents",
        "paper": "position paper on design-around routes",
        "special": "Grant-back",
        "special_asks": "state the reduced royalty rate for improvements that come back to the "
        "Licensor under the grant-back.",
        "special_clause": "Improvements come back to the Licensor under a non-exclusive grant-back "
        "at a reduced royalty rate of {special_figure}%.",
        "phrases": "the pool is ours to close|nobody ships a sensor without paying us|we license "
        "to bury the rival readout|let them design around that if they can|we can starve the "
        "followers of claims|exclusivity keeps the third camera maker out",
    },
    "international-trade-sanctions": {
        "trade": "Metrology", "buyer_trade": "Aerostructures", "near_trade": "Gauges",
        "near_buyer_trade": "Airframes",
        "deal": "a delivery of measuring machines by {target} to {buyer}",
        "agreement": "Equipment Delivery Agreement", "filing": "export licence application",
        "authority": "Export Control Office", "guidance": "Export Licensing Handbook",
        "measure": "percent", "sheet": "Shipments", "column": "Invoice value",
        "player": "Consignee", "market": "measuring machines",
        "rule_name": "Licence requirement",
        "rule": "A licence is required where controlled components make up more than {limit}% of "
        "the value of an item or a listed person holds more than {limit2}% of the consignee.",
        "rule_asks": "state from which part of controlled components in the value of an item, and "
        "from which holding of a listed person, a licence is required.",
        "finding_name": "Classification of the machines",
        "finding": "Classification shows {level}% controlled content in the five-axis machines; "
        "screening found a blocked shareholder with {change}% at the end user.",
        "finding_asks": "state the controlled content in the five-axis machines that "
        "classification shows, and what the blocked shareholder has at the end user.",
        "remedy": "removal of the five-axis controllers",
        "paper": "end-use statement with site photographs",
        "special": "Prepayment refund",
        "special_asks": "state the percentage of the prepayment that is refunded if the licence is "
        "refused.",
        "special_clause": "If the licence is refused, {special_figure}% of the prepayment is "
        "refunded and the rest covers the cost of special tooling.",
        "phrases": "ship the controllers as spare parts|do not write the end user on the "
        "paperwork|the free zone is only a postbox|he stays in charge whatever the register says|"
        "route it through the cousin's company|call them lathes and nobody will look",
    },
    "corporate-governance": {
        "trade": "Quays", "buyer_trade": "Sovereign Holdings", "near_trade": "Wharves",
        "near_buyer_trade": "State Fund",
        "deal": "a subscription for new shares in {target} by {buyer}",
        "agreement": "Subscription Agreement", "filing": "investment notification",
        "authority": "Investment Screening Authority", "guidance": "Foreign Investment Code",
        "measure": "percent", "sheet": "Share register", "column": "Shares held",
        "player": "Shareholder", "market": "container terminals",
        "rule_name": "Notifiable interest",
        "rule": "A foreign investor must notify before it crosses {limit}% of the voting rights in "
        "critical infrastructure or appoints more than {limit2}% of the supervisory board.",
        "rule_asks": "state which part of the voting rights in critical infrastructure, and of the "
        "supervisory board, a foreign investor must notify.",
        "finding_name": "Position after the subscription",
        "finding": "After the subscription the state-owned investor casts {level}% of the votes at "
        "a general meeting and fills {change}% of the seats.",
        "finding_asks": "state what the state-owned investor casts of the votes at a general "
        "meeting, and what it fills of the seats.",
        "remedy": "transfer of the terminal data centre",
        "paper": "resilience report on the container terminals",
        "special": "Lock-up",
        "special_asks": "state the percentage of the new shares that the investor may sell during "
        "the lock-up.",
        "special_clause": "During the lock-up the investor may sell no more than "
        "{special_figure}% of its new shares without the approval of the listing committee.",
        "phrases": "the ministry decides who gets a berth|we run the port from our capital|the "
        "board will nod this through|let the minority find out from the newspapers|our seat opens "
        "the cargo data|independence is a word for the prospectus",
    },
}  # fmt: skip
