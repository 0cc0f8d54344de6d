"""Numbers as a spreadsheet shows them: the number formats of Office, in English.

Formats are those of ECMA-376 part 1, 18.8.30 and 18.8.31: up to four sections for positive,
negative and zero numbers and for text. Two things differ from what a screen shows. Dates in a
format that follows the reader's region read as ISO dates, since 03-04-26 has two meanings, and
fractions such as 1/2 read as decimals.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

GENERAL = "General"
BUILT_IN = {
    0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00",
    5: '"$"#,##0_);("$"#,##0)', 6: '"$"#,##0_);[Red]("$"#,##0)',
    7: '"$"#,##0.00_);("$"#,##0.00)', 8: '"$"#,##0.00_);[Red]("$"#,##0.00)',
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
    37: "#,##0_);(#,##0)", 38: "#,##0_);[Red](#,##0)", 39: "#,##0.00_);(#,##0.00)",
    40: "#,##0.00_);[Red](#,##0.00)",
    41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
    42: '_("$"* #,##0_);_("$"* (#,##0);_("$"* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    44: '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)',
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""The formats that a file names by number alone; 14 and 22 follow the reader's region."""

_LONGEST = 1_000  # characters of a format; Office allows 255
_TOO_LATE = 2_958_466  # days; the year 10000
_DAYS_TO_1904 = 1_462
_CANNOT = "#" * 8  # what Office shows for a moment that it cannot
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<room>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<noon>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<part>\.0+)(?=\D|$)"
    r"|(?P<time>y+|m+|d+|h+|s+)|(?P<digit>[0#?])|(?P<mark>[.,%@/])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)")
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)  # a double has at most 309 digits before a point


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """text, digit, mark, time, elapsed, part, noon, exponent or general."""
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    tokens: tuple[_Token, ...]
    condition: tuple[str, Decimal] | None

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)

    def has_mark(self, mark: str) -> bool:
        return _Token("mark", mark) in self.tokens


class NumberFormat:
    """One format code, read once; `shown` is what a cell with a value then shows."""

    def __init__(self, code: str) -> None:
        codes = _sections(code) if len(code) <= _LONGEST else [GENERAL]
        self._sections = [_section(part) for part in codes[:4]]

    def number(self, value: Decimal, *, since_1904: bool = False) -> str:
        """A number, or a moment when the format is one of dates or times.

        `since_1904` says from which of its two days a workbook counts.
        """
        section, shown = self._chosen(value)
        if section.has("time", "elapsed", "noon"):
            return _plain(_moment(section, shown, since_1904))
        return _plain(_number(section, shown))

    def text(self, value: str) -> str:
        """A text."""
        last = self._sections[-1]
        if len(self._sections) < 4 and not last.has_mark("@"):
            return value
        return _plain("".join(value if one.text == "@" else _literal(one) for one in last.tokens))

    def _chosen(self, value: Decimal) -> tuple[_Section, Decimal]:
        """The section for a number, and the number without the sign that the section stands for."""
        numeric = [one for one in self._sections[:3] if not one.has_mark("@")] or [
            _section(GENERAL)
        ]
        if any(one.condition for one in numeric):
            for one in numeric:
                sign, limit = one.condition or ("<>", None)
                if limit is None or _holds(sign, limit, value):
                    negative = limit is not None and limit <= 0 and sign in {"<", "<="}
                    return one, abs(value) if negative else value
            return numeric[-1], value
        if value < 0 and len(numeric) > 1:
            return numeric[1], -value
        return numeric[2 if value == 0 and len(numeric) > 2 else 0], value


def general(value: Decimal) -> str:
    """A number without a format: twelve digits drop the noise of binary fractions and keep every
    real amount, and a whole number keeps all that it has."""
    if value == value.to_integral_value() and value.adjusted() < 21:
        return format(value.quantize(Decimal(1), context=_EXACT), "f")
    return format(Decimal(format(value, ".12g")), "f")


def _sections(code: str) -> list[str]:
    found, start = [""], 0
    for match in _TOKEN.finditer(code):
        if match["other"] == ";":
            found.append("")
        else:
            found[-1] += code[match.start() : match.end()]
        start = match.end()
    return found if start else [GENERAL]


def _section(code: str) -> _Section:
    tokens: list[_Token] = []
    condition = None
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup or "other", match[match.lastgroup or 0]
        if kind == "bracket":
            if compared := _CONDITION.fullmatch(text):
                condition = compared[1], Decimal(compared[2])
            elif text.startswith("$"):  # a currency and the code of a language
                tokens.append(_Token("text", text[1:].partition("-")[0]))
            elif set(text.lower()) in ({"h"}, {"m"}, {"s"}):
                tokens.append(_Token("elapsed", text.lower()))
        elif kind in {"quoted", "escaped", "other"}:
            tokens.append(_Token("text", text))
        elif kind == "room":
            tokens.append(_Token("text", " "))
        elif kind == "part" and not _is_seconds(tokens[-1:]):
            tokens += [_Token("mark", "."), *[_Token("digit", "0")] * (len(text) - 1)]
        elif kind != "fill":
            tokens.append(_Token(kind, text.lower() if kind == "time" else text))
    return _Section(tuple(_with_minutes(tokens)), condition)


def _is_seconds(last: Sequence[_Token]) -> bool:
    return any(one.kind in {"time", "elapsed"} and one.text[0] == "s" for one in last)


def _with_minutes(tokens: Sequence[_Token]) -> list[_Token]:
    """Tells minutes from months: an m after hours or before seconds is one of minutes."""
    times = [place for place, one in enumerate(tokens) if one.kind in {"time", "elapsed"}]
    found = list(tokens)
    for order, place in enumerate(times):
        if tokens[place].kind != "time" or tokens[place].text not in {"m", "mm"}:
            continue
        before = tokens[times[order - 1]].text[0] if order else ""
        after = tokens[times[order + 1]].text[0] if order + 1 < len(times) else ""
        if before == "h" or after == "s":
            found[place] = _Token("time", tokens[place].text.replace("m", "n"))
    return found


def _holds(sign: str, limit: Decimal, value: Decimal) -> bool:
    return (
        (value < limit and "<" in sign) or (value > limit and ">" in sign)
        or (value == limit and "=" in sign)
    )  # fmt: skip


def _literal(token: _Token) -> str:
    return token.text if token.kind == "text" else ""


def _plain(text: str) -> str:
    return " ".join(text.split())


# Numbers.


def _number(section: _Section, value: Decimal) -> str:
    sign = "-" if value < 0 else ""
    value = abs(value)
    if section.has("general") or section.has_mark("/"):
        shown = general(value)
        if not section.has("general"):
            return sign + shown
        parts = (shown if one.kind == "general" else _literal(one) for one in section.tokens)
        return sign + "".join(parts)
    if not section.has("digit"):
        return "".join(map(_literal_or_percent, section.tokens))
    if section.has("exponent"):
        return sign + _scientific(section, value)
    return sign + _fixed(section.tokens, value)


def _literal_or_percent(token: _Token) -> str:
    return token.text if token.kind == "text" or token.text == "%" else ""


def _scientific(section: _Section, value: Decimal) -> str:
    place = next(n for n, one in enumerate(section.tokens) if one.kind == "exponent")
    mantissa, power = section.tokens[:place], section.tokens[place + 1 :]
    whole = next((n for n, one in enumerate(mantissa) if one.text == "."), len(mantissa))
    step = max(sum(one.kind == "digit" for one in mantissa[:whole]), 1)
    decimals = sum(one.kind == "digit" for one in mantissa[whole:])
    exponent = value.adjusted() // step * step if value else 0
    scaled = value.scaleb(-exponent, _EXACT)
    if scaled.quantize(Decimal(1).scaleb(-decimals), context=_EXACT) >= 10**step:
        exponent, scaled = exponent + step, scaled.scaleb(-step, _EXACT)
    plus = "-" if exponent < 0 else section.tokens[place].text[1].replace("-", "")
    return _fixed(mantissa, scaled) + "E" + plus + _fixed(power, Decimal(abs(exponent)))


def _fixed(tokens: Sequence[_Token], value: Decimal) -> str:
    point = next((n for n, one in enumerate(tokens) if one == _Token("mark", ".")), len(tokens))
    digits = [n for n, one in enumerate(tokens) if one.kind == "digit"]
    whole = [place for place in digits if place < point]
    commas = [n for n, one in enumerate(tokens) if one == _Token("mark", ",")]
    last = whole[-1] if whole else -1
    grouped = any(place < last for place in commas)
    scale = sum(last < place < point or place > digits[-1] for place in commas)
    percent = sum(one == _Token("mark", "%") for one in tokens)
    value = value.scaleb(2 * percent - 3 * scale, _EXACT)
    decimals = len(digits) - len(whole)
    rounded = format(value.quantize(Decimal(1).scaleb(-decimals), context=_EXACT), "f")
    front, _, back = rounded.partition(".")
    filled = _whole_digits(tokens, whole, front.lstrip("0"), grouped)
    filled |= _decimal_digits(tokens, digits[len(whole) :], back)
    missing = "" if whole else front.lstrip("0")  # a format such as .00
    parts = []
    for place, one in enumerate(tokens):
        if place == point:
            parts.append(missing + ".")
        else:
            parts.append(filled.get(place, _literal_or_percent(one)))
    return "".join(parts)


def _whole_digits(
    tokens: Sequence[_Token], places: Sequence[int], digits: str, grouped: bool
) -> dict[int, str]:
    """What stands at each place of a digit before the point; the first takes all that is over."""
    filled = {}
    for order, place in enumerate(reversed(places)):  # from the right
        first = order == len(places) - 1
        count = max(len(digits) - order, 1) if first else 1
        taken = digits[max(len(digits) - order - count, 0) : max(len(digits) - order, 0)]
        taken = taken or {"0": "0", "?": " "}.get(tokens[place].text, "")
        if grouped and taken.strip():
            taken = "".join(
                digit + ("," if (right := order + len(taken) - 1 - n) and right % 3 == 0 else "")
                for n, digit in enumerate(taken)
            )
        filled[place] = taken
    return filled


def _decimal_digits(tokens: Sequence[_Token], places: Sequence[int], digits: str) -> dict[int, str]:
    filled, needed = {}, False
    for place, digit in zip(reversed(places), reversed(digits), strict=True):
        needed = needed or digit != "0" or tokens[place].text == "0"
        filled[place] = digit if needed else {"?": " "}.get(tokens[place].text, "")
    return filled


# Moments.


def _moment(section: _Section, value: Decimal, since_1904: bool) -> str:
    offset = _DAYS_TO_1904 if since_1904 else 0
    if not 0 <= value < _TOO_LATE - offset:
        return _CANNOT
    decimals = max((len(one.text) - 1 for one in section.tokens if one.kind == "part"), default=0)
    unit = Decimal(1).scaleb(-min(decimals, 6))
    seconds = (value * 86_400).quantize(unit, context=_EXACT)
    days, rest = divmod(seconds, 86_400)
    if days + offset >= _TOO_LATE:
        return _CANNOT
    # Day 60 stands for 29 February 1900, which never was; the days before it come one later.
    count = int(days) + (offset or int(days < 60))
    day = datetime.date(1899, 12, 30) + datetime.timedelta(days=count)
    half = section.has("noon")
    return "".join(_moment_part(one, day, rest, seconds, half) for one in section.tokens)


def _moment_part(
    token: _Token, day: datetime.date, rest: Decimal, seconds: Decimal, half: bool
) -> str:
    text, width = token.text, len(token.text)
    hour = int(rest // 3600)
    match token.kind:
        case "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0]]
            return str(int(seconds // unit)).zfill(width)
        case "noon":
            name = "PM" if hour >= 12 else "AM"
            return name if len(text) > 3 else name[0]
        case "part":
            return "." + format(rest % 1, f".{width - 1}f").partition(".")[2]
        case "time":
            return _named(text, day, (hour - 1) % 12 + 1 if half else hour, int(rest))
        case "mark":
            return text
    return _literal(token)


def _named(text: str, day: datetime.date, hour: int, second: int) -> str:
    width = len(text)
    if text[0] == "y":
        return f"{day.year % 100:02}" if width < 3 else str(day.year)
    if text[0] == "m" and width > 2:
        name = _MONTHS[day.month - 1]
        return {3: name[:3], 5: name[0]}.get(width, name)
    if text[0] == "d" and width > 2:
        name = _DAYS[day.weekday()]
        return name[:3] if width == 3 else name
    numbers = {"m": day.month, "d": day.day, "h": hour, "n": second // 60 % 60, "s": second % 60}
    return str(numbers[text[0]]).zfill(min(width, 2))


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
