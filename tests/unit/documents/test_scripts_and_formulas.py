"""Superscripts, subscripts and formulas keep their structure on the line: 10^6 is no 106."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from tests.unit.documents.document_files import write_docx, write_pptx_shapes, write_xlsx

from anytasktune.documents.formats import read_file
from anytasktune.documents.formulas import mathml_text, omml_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>6</sup> cells", "10^6 cells"),
        ("2<sup>n+1</sup>", "2^(n+1)"),
        ("10<sup>-3</sup> m<sup>2</sup>", "10^-3 m^2"),
        ("CO<sub>2</sub> and x<sub>i</sub>", "CO_2 and x_i"),
        ("a<sub>i</sub><sup>2</sup>", "a_i^2"),
        ("the 1<sup>st</sup>, 22<sup>nd</sup>", "the 1st, 22nd"),
        ("Brand<sup>TM</sup>, Other<sup>®</sup>", "BrandTM, Other®"),
        ("as said<sup><a href='#1'>[1]</a></sup>.", "as said[1]."),
        ("<sup></sup>x", "x"),
        ("5 <sup>3</sup>/<sub>4</sub>", "5 ^3/_4"),
        ("面积25m<sup>2</sup>", "面积25m^2"),
        ("10<span style='vertical-align: super; color:red'>6</span> x<span style='vertical-align:sub'>1</span>", "10^6 x_1"),
    ],
)
def test_scripts_of_a_page_are_marked_where_they_change_the_meaning(tmp_path: Path, html: str, text: str) -> None:
    page = tmp_path / "a.html"
    page.write_text(f"<p>{html}</p>", encoding="utf-8")
    assert read_file(page, "html").text == text


def test_scripts_of_a_word_document_are_marked_across_runs_and_by_style(tmp_path: Path) -> None:
    def run(text: str, properties: str = "") -> str:
        return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"

    raised, lowered = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
    style = '<w:style w:styleId="Up"><w:name w:val="Up"/><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    styled = '<w:rStyle w:val="Up"/>'
    body = run("10") + run("1", raised) + run("2", raised) + run(" H") + run("2", lowered) + run("O m") + run("3", styled)
    body += run(" 4", styled + '<w:vertAlign w:val="baseline"/>') + run("5", '<w:position w:val="6"/>')
    document = read_file(write_docx(tmp_path / "a.docx", f"<w:p>{body}</w:p>", styles=style), "docx")
    assert document.text == "10^12 H_2O m^3 4^5"


def test_scripts_of_slides_and_cells_are_marked(tmp_path: Path) -> None:
    runs = '<a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>6</a:t></a:r><a:r><a:t> x</a:t></a:r>'
    runs += '<a:r><a:rPr baseline="-25000"/><a:t>1</a:t></a:r>'
    shape = f"<p:sp><p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>"
    assert read_file(write_pptx_shapes(tmp_path / "a.pptx", shape), "pptx").text == "10^6 x_1"
    rich = "<is><r><t>m</t></r><r><rPr><vertAlign val='superscript'/></rPr><t>3</t></r><r><t> of water</t></r></is>"
    row = f'<row r="1"><c r="A1" t="inlineStr">{rich}</c></row>'
    assert "| m^3 of water |" in read_file(write_xlsx(tmp_path / "a.xlsx", {"s": row}), "xlsx").text


@pytest.mark.parametrize(
    ("font", "code", "sign"),
    [
        ("Symbol", "F061", "α"),
        ("Symbol", "F0B1", "±"),
        ("Symbol", "F02B", "+"),
        ("Wingdings", "F0FE", "☑"),
        ("Wingdings", "F041", "□"),
        ("Arial", "00BD", "½"),
    ],
)
def test_a_sign_by_its_number_in_a_font_is_the_sign_that_is_shown(tmp_path: Path, font: str, code: str, sign: str) -> None:
    body = f'<w:p><w:r><w:t>x </w:t></w:r><w:r><w:sym w:font="{font}" w:char="{code}"/></w:r></w:p>'
    assert read_file(write_docx(tmp_path / "a.docx", body), "docx").text == f"x {sign}"


def math(inside: str) -> str:
    return omml_text(fromstring(f"<oMath>{inside}</oMath>"))


def r(text: str) -> str:
    return f"<r><rPr/><t>{text}</t></r>"


def e(text: str) -> str:
    return f"<e>{r(text)}</e>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<sSup>{e('x')}<sup>{r('n+1')}</sup></sSup>", "x^(n+1)"),
        (f"<sSub>{e('a')}<sub>{r('ij')}</sub></sSub>{r('+1')}", "a_(ij)+1"),
        (f"<sSubSup>{e('x')}<sub>{r('i')}</sub><sup>{r('2')}</sup></sSubSup>", "x_i^2"),
        (f"<f><num>{r('a+b')}</num><den>{r('2c')}</den></f>", "(a+b)/(2c)"),
        (f"<f><num>{r('1')}</num><den>{r('2')}</den></f>", "1/2"),
        (f"<rad><radPr/><deg>{r('3')}</deg>{e('x+1')}</rad>", "√[3](x+1)"),
        (f"<rad><deg/>{e('x')}</rad>", "√x"),
        (f'<nary><naryPr><chr val="∑"/></naryPr><sub>{r("i=1")}</sub><sup>{r("n")}</sup>{e("i")}</nary>', "∑_(i=1)^n i"),
        (f'<d><dPr><begChr val="["/><endChr val="]"/></dPr>{e("a")}</d>', "[a]"),
        (f"<d>{e('a,b')}</d>", "(a,b)"),
        (f"<func><fName>{r('sin')}</fName>{e('x')}</func>", "sin x"),
        (f"<m><mr>{e('1')}{e('0')}</mr><mr>{e('0')}{e('1')}</mr></m>", "[1, 0; 0, 1]"),
        (f"<limLow>{e('lim')}<lim>{r('n→∞')}</lim></limLow>", "lim_(n→∞)"),
        (f"<sPre><sub>{r('6')}</sub><sup>{r('14')}</sup>{e('C')}</sPre>", "_6^14C"),
        (f'<acc><accPr><chr val="&#x20d7;"/></accPr>{e("v")}</acc>', "v\u20d7"),
        (f"<bar>{e('x')}</bar>", "x\u0305"),
        (f"<eqArr>{e('x=1')}{e('y=2')}</eqArr>", "x=1; y=2"),
    ],
)
def test_a_formula_of_office_stands_on_one_line(formula: str, text: str) -> None:
    assert math(formula) == text


def test_a_formula_stands_in_the_text_of_a_document(tmp_path: Path) -> None:
    power = "<m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    formula = f"<m:oMath><m:r><m:t>A=π</m:t></m:r>{power}</m:oMath>"
    body = f"<w:p><w:r><w:t>The area </w:t></w:r>{formula}<w:r><w:t> of a table.</w:t></w:r></w:p>"
    assert read_file(write_docx(tmp_path / "a.docx", body), "docx").text == "The area A=πr^2 of a table."
    shape = f"<p:sp><p:txBody><a:p><a:r><a:t>Area: </a:t></a:r>{formula}</a:p></p:txBody></p:sp>"
    assert read_file(write_pptx_shapes(tmp_path / "a.pptx", shape), "pptx").text == "Area: A=πr^2"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a+b)/2"),
        ('<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>', "n¦k"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", "√(x+1)"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "√[3]x"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "∑_(i=1)^n"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "x\u0305"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        ("<mi>sin</mi><mo>\u2061</mo><mi>x</mi>", "sin x"),
        ("<mn>2</mn><mo>\u2062</mo><mi>x</mi>", "2x"),
        ("<semantics><mi>x</mi><annotation>TeX</annotation></semantics>", "x"),
        ("<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>", "_6^14C"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>", "[1, 2]"),
    ],
)
def test_a_formula_of_a_web_page_stands_on_one_line(formula: str, text: str) -> None:
    assert mathml_text(fromstring(f"<math>{formula}</math>")) == text


@pytest.mark.parametrize(
    "html",
    [
        "so <math><msup><mi>x</mi><mn>2</mn></msup></math>.",
        "<span class=katex><span class=katex-mathml>so <math><semantics><msup><mi>x</mi><mn>2</mn></msup>"
        "<annotation>x^2</annotation></semantics></math></span><span class=katex-html aria-hidden=true>x2</span></span>.",
        'so <span class="mwe-math-mathml-a11y" style="display: none"><math><msup><mi>x</mi><mn>2</mn></msup></math></span>'
        '<img aria-hidden=true alt="x^2">.',
        'so <mjx-container><mjx-math aria-hidden="true">x2</mjx-math><mjx-assistive-mml><math><msup><mi>x</mi><mn>2</mn></msup>'
        "</math></mjx-assistive-mml></mjx-container>.",
    ],
)
def test_a_formula_that_is_drawn_beside_its_mathml_is_read_once(tmp_path: Path, html: str) -> None:
    page = tmp_path / "a.html"
    page.write_text(f"<p>{html}</p>", encoding="utf-8")
    document = read_file(page, "html")
    assert (document.text, document.detail) == ("so x^2.", "")
