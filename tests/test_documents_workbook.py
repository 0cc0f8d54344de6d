"""Workbooks to text: sheets under their names, values as a viewer shows them."""

import datetime
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Color, Font, PatternFill
from openpyxl.worksheet.table import Table, TableStyleInfo
from xlsxwriter import Workbook as Writer

from harness_kit.extraction import extract_from
from harness_kit.packages import Package
from harness_kit.workbook.formulas import Calculator
from harness_kit.workbook.number_formats import NumberFormat

DAY = datetime.datetime(2026, 3, 31, tzinfo=datetime.UTC).replace(tzinfo=None)
AMOUNT = '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)'


def text_of(workbook: Workbook) -> str:
    packed = io.BytesIO()
    workbook.save(packed)
    return extract_from(Path("a.xlsx"), packed.getvalue())


def written(write: Callable[[Writer], object], **options: bool) -> str:
    packed = io.BytesIO()
    with Writer(packed, {"in_memory": True, **options}) as book:
        write(book)
    return extract_from(Path("a.xlsx"), packed.getvalue())


def shown(number: str, code: str) -> str:
    return NumberFormat(code).number(Decimal(number))


def test_sheets_stand_under_their_names_with_values_as_shown() -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Fees & costs"
    sheet.append(["Party", "Fee", "Due", "Share", "Agreed", "Amount"])
    sheet.append(["Halden", 0.1 + 0.2, DAY.date(), 0.125, True, 1250])
    sheet["D2"].number_format, sheet["F2"].number_format = "0.0%", AMOUNT
    sheet.append([" two\nlines ", 69850, DAY, 0.125, "#N/A", -1250.5])
    sheet["C3"].number_format, sheet["F3"].number_format = "d mmmm yyyy", AMOUNT
    workbook.create_sheet("Empty")
    workbook.create_sheet("Second").append(["end"])
    assert text_of(workbook) == (
        "## Sheet: Fees & costs\n\n| Party | Fee | Due | Share | Agreed | Amount |\n"
        "| Halden | 0.3 | 2026-03-31 | 12.5% | TRUE | $1,250.00 |\n"
        "| two lines | 69850 | 31 March 2026 | 0.125 | #N/A | $(1,250.50) |\n\n"
        "## Sheet: Second\n\n| end |\n"
    )


def test_hidden_sheets_rows_columns_and_values_are_no_text() -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    for row in (("a", "no", "b"), ("no", "no", "no"), (";;;", 1, "c")):
        sheet.append(row)
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[2].hidden = True
    sheet["A3"].number_format = ";;;"
    for state in ("hidden", "veryHidden"):
        other = workbook.create_sheet(state)
        other.append(["no"])
        other.sheet_state = state
    assert text_of(workbook) == "## Sheet: Sheet\n\n| a | b |\n|  | c |\n"


def test_a_formula_shows_its_stored_value_in_its_format() -> None:
    def write(book: Writer) -> None:
        sheet, money = book.add_worksheet(), book.add_format({"num_format": "#,##0.00"})
        sheet.write_formula(0, 0, "=1250*2", money, 2500)
        sheet.write_formula(0, 1, '="a"&"b"', None, "ab")
        sheet.write_formula(0, 2, "=1/0", None, "#DIV/0!")
        sheet.write_rich_string(0, 3, "rich ", book.add_format({"bold": True}), "text")

    assert written(write).endswith("| 2,500.00 | ab | #DIV/0! | rich text |\n")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("=SUM(B2:B3)", "120.50"), ("=sum($B$2:B$3, 10, B1) * 2", "261.00"),
        ("=B2-B3/(1+1)", "89.75"), ("=-B2*20%", "-20.00"), ("=B2+B9", "100.00"),
        ("=SUM(B2:B3)/SUM(C2:C3)", "24.10"), ("=B5+1", "121.50"),
        ("=Costs!B2+'Costs'!B3", "120.50"),
        ("=0.1+0.2-0.3", "0.00"), ("=SUM(D2:E3)", "0.00"), ("=+B2", "100.00"),
        # All others are shown themselves.
        ("=B1+1", "=B1+1"), ("=B2/B9", "=B2/B9"), ("=B6", "=B6"), ("=B6:B7", "=B6:B7"),
        ("=1E999", "=1E999"), ("=1E300*1E300", "=1E300*1E300"),
        ("=ROUND(B2,0)", "=ROUND(B2,0)"), ("=SUM(B:B)", "=SUM(B:B)"), ("=SUM(B2:B3", "=SUM(B2:B3"),
        ("=SUMIF(B2:B3,1)", "=SUMIF(B2:B3,1)"), ("=Other!B2", "=Other!B2"), ("=B2^2", "=B2^2"),
        ("=SUM(A1:XFD1048576)", "=SUM(A1:XFD1048576)"), ('="a"&B2', '="a"&B2'),
        ("=" + "(" * 90 + "1" + ")" * 90, "=" + "(" * 90 + "1" + ")" * 90),
    ],
)  # fmt: skip
def test_a_formula_without_a_value_shows_what_it_comes_to_or_itself(
    formula: str, text: str
) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Costs"
    for row in (("Item", "Fee", "n"), ("Rent", 100, 2), ("Tax", 20.5, 3), ("Total", formula)):
        sheet.append(row)
    sheet.append(["Sum", "=SUM(B2:B3)"])
    sheet.append(["Circle", "=B7"])
    sheet.append(["Circle", "=B6"])
    sheet["B4"].number_format = "0.00"
    assert f"\n| Total | {text} |\n| Sum | 120.5 |\n| Circle | =B7 |" in text_of(workbook)


def test_formulas_that_refer_to_formulas_are_calculated_within_limits() -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append([1])
    for row in range(1, 400):  # a running balance
        sheet.append([f"=A{row}+A{row}-A{row}+1"])
    assert text_of(workbook).endswith("| 400 |\n")
    bomb = Workbook()
    for row in range(1, 400):  # each twice the next
        bomb.worksheets[0].append([f"=A{row + 1}+A{row + 1}"])
    bomb.worksheets[0].append([1])
    shown_ = text_of(bomb)
    assert "| =A2+A2 |\n" in shown_
    assert shown_.endswith("| 4 |\n| 2 |\n| 1 |\n")


def test_a_zero_that_a_library_stored_for_every_formula_is_no_value() -> None:
    def write(book: Writer) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [100, 20])
        sheet.write_formula(0, 2, "=SUM(A1:B1)")
        sheet.write_formula(0, 3, "=ROUND(A1,0)")
        sheet.write_formula(0, 4, '=IF(A1>0,"","x")', None, " ")

    assert written(write).endswith("| 100 | 20 | 120 | 0 |\n")


@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=9))
def test_sums_are_those_of_python(numbers: list[Decimal]) -> None:
    cells = {(2, row): number for row, number in enumerate(numbers, start=1)}
    calculator = Calculator(lambda name: cells)
    assert calculator.value("s", f"SUM(B1:B{len(numbers)})") == sum(numbers)
    terms = "+".join(f"B{row}" for row in range(1, len(numbers) + 1))
    assert calculator.value("s", terms) == sum(numbers)


@given(st.text("0123.AB$:+-*/()%,!' SUM", max_size=30))
def test_any_formula_is_calculated_or_is_not(formula: str) -> None:
    value = Calculator(lambda name: {(1, 1): Decimal(3)}).value("s", formula)
    assert value is None or value.is_finite()


def test_text_in_the_colour_of_its_ground_or_too_small_to_read_is_no_text() -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    fonts = [Font(color="FFFFFFFF"), Font(color="FEFEFE"), Font(color=Color(theme=0)), Font(sz=1)]
    for number, font in enumerate(fonts, start=1):
        sheet.append(["seen", "no", 1])
        sheet.cell(number, 2).font = sheet.cell(number, 3).font = font
    sheet["A9"], sheet["A9"].font = "no", Font(color="FFFFFF")
    sheet["A9"].fill = PatternFill("solid", fgColor="FFFFFF")
    assert text_of(workbook) == "## Sheet: Sheet\n\n" + "| seen |\n" * 4


@pytest.mark.parametrize("ground", ["fill", "conditional", "table", "grey"])
def test_white_text_with_something_behind_it_is_text(ground: str) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(["Head"])
    sheet.append([1])
    sheet["A1"].font = Font(color="FFFFFF")
    dark = PatternFill("solid", fgColor="1F3864", bgColor="1F3864")
    if ground == "fill":
        sheet["A1"].fill = dark
    elif ground == "grey":
        sheet["A1"].font = Font(color=Color(theme=0, tint=-0.5))
    elif ground == "table":
        style = TableStyleInfo("TableStyleMedium9")
        sheet.add_table(Table(displayName="T", ref="A1:A2", tableStyleInfo=style))
    else:
        sheet.conditional_formatting.add("A1:B1", FormulaRule(formula=["TRUE"], fill=dark))
    assert text_of(workbook).endswith("\n\n| Head |\n| 1 |\n")


def test_white_runs_of_a_text_are_no_text() -> None:
    def write(book: Writer) -> None:
        white = book.add_format({"font_color": "#FFFFFF"})
        dark = book.add_format({"bg_color": "#1F3864"})
        sheet = book.add_worksheet()
        sheet.write_rich_string(0, 0, "seen", white, " no", " too")
        sheet.write_rich_string(1, 0, white, "white ", "on dark", dark)

    assert written(write).endswith("| seen too |\n| white on dark |\n")


def test_workbooks_that_count_from_1904_show_the_same_days() -> None:
    def write(book: Writer) -> None:
        book.add_worksheet().write_datetime(0, 0, DAY, book.add_format({"num_format": "d-mmm-yy"}))

    assert written(write, date_1904=True) == written(write)
    assert "| 31-Mar-26 |" in written(write)


def test_a_single_far_cell_does_not_make_a_sheet_large() -> None:
    workbook = Workbook()
    workbook.worksheets[0]["A1048576"] = "far away"
    assert text_of(workbook).endswith("\n\n| far away |\n")


def test_comments_are_no_text() -> None:
    def write(book: Writer) -> None:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "value")
        sheet.write_comment(0, 0, "remark")

    assert written(write).endswith("\n\n| value |\n")


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        ("1234567.5", "#,##0", "1,234,568"), ("999.5", "#,##0", "1,000"), ("5", "0,000", "0,005"),
        ("0", "#", ""), ("12", "#.##", "12."), ("12.5", ".00", "12.50"), ("0.5", "??0.0?", "0.5"),
        ("-1234.5", "#,##0.00_);(#,##0.00)", "(1,234.50)"), ("-1", "0;;", ""),
        ("0", "0;-0;nil", "nil"),
        ("1.005", "0.00", "1.01"), ("-2.5", "0", "-3"), ("0.125", "0%", "13%"),
        ("1250", "[$€-407] #,##0.00", "€ 1,250.00"), ("1250", "£#,##0;[Red]-£#,##0", "£1,250"),
        ("1250", '#,##0.00" USD"', "1,250.00 USD"), ("0", AMOUNT, "$-"),
        ("1250000000", '#,##0.0,," M"', "1,250.0 M"), ("12345", "0.00E+00", "1.23E+04"),
        ("0.00099999", "0.0E+00", "1.0E-03"), ("12345", "##0.0E+0", "12.3E+3"),
        ("2125551234", "(000) 000-0000", "(212) 555-1234"), ("1", '"Yes";"No"', "Yes"),
        ("7", "[>=1000]#,##0;0.0", "7.0"), ("7000", "[>=1000]#,##0;0.0", "7,000"),
        ("0.5", "# ?/?", "0.5"), ("12", "@", "12"), ("12", '"No. "General', "No. 12"),
        ("46112", "yyyy-mm-dd", "2026-03-31"), ("46112", "mm/dd/yy", "03/31/26"),
        ("46112", "[$-409]dddd, mmmm d, yyyy", "Tuesday, March 31, 2026"),
        ("46112.53", "d-mmm h:mm AM/PM", "31-Mar 12:43 PM"), ("0.0423", "h:mm:ss", "1:00:55"),
        ("1.5", "[h]:mm", "36:00"), ("0.0000131", "mm:ss.0", "00:01.1"),
        ("1", "d mmm yyyy", "1 Jan 1900"),
        ("-1", "yyyy", "########"), ("2958465.9999999", "yyyy", "########"),
    ],
)  # fmt: skip
def test_a_number_reads_as_its_format_shows_it(number: str, code: str, text: str) -> None:
    assert shown(number, code) == text


@given(st.decimals(-(10**15), 10**15, places=2), st.integers(0, 4))
def test_grouped_numbers_are_those_that_python_writes(number: Decimal, places: int) -> None:
    code = "#,##0" + ("." + "0" * places if places else "")
    rounded = number.quantize(Decimal(1).scaleb(-places), "ROUND_HALF_UP")
    assert shown(str(number), code).removeprefix("-") == f"{abs(rounded):,.{places}f}"


@given(st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(9999, 12, 30)))  # noqa: DTZ001
def test_moments_are_those_of_the_calendar(moment: datetime.datetime) -> None:
    moment = moment.replace(microsecond=0)
    since = moment - datetime.datetime(1899, 12, 30)  # noqa: DTZ001
    serial = Decimal(since.days) + Decimal(since.seconds) / 86_400
    assert shown(str(serial), "yyyy-mm-dd hh:mm:ss") == moment.isoformat(" ")


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_format_shows_any_number_as_one_line(code: str, number: float) -> None:
    assert "\n" not in shown(repr(number), code)
    assert "\n" not in NumberFormat(code).text("a text")


@given(st.text('0#?.,%;E+-@/ymdhs[]"\\_*$()<>= ', max_size=20), st.floats(-1e9, 1e9))
def test_any_mixture_of_what_formats_are_made_of_shows_something(code: str, number: float) -> None:
    assert len(shown(repr(number), code)) < 500


def test_a_workbook_of_another_kind_is_named_as_such() -> None:
    packed = io.BytesIO()
    Workbook().save(packed)
    with Package(packed.getvalue()) as package, pytest.raises(ValueError, match="no document"):
        package.main("document")
