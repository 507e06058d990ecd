"""Files in other encodings than UTF-8."""

import json
from pathlib import Path

import pytest

from anytasktune.datasets import ColumnMap, read_examples
from anytasktune.errors import ConfigError, DataError
from anytasktune.text.encodings import Encoding, detect_encoding

ROWS = [
    {"input": "原告与被告签订房屋租赁合同，约定租期三年。", "output": "合同纠纷"},
    {"input": "被告人在商场内窃取他人手机一部。", "output": "盗窃罪"},
]
TEXT = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    return [{"input": example.input, "output": example.output} for example in read_examples(path).examples]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_without_a_remark(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / "rows.jsonl", TEXT.encode(codec))
    assert read_rows(path) == ROWS
    assert read_examples(path).note == ""


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("gbk", "GB18030"),
        ("gb18030", "GB18030"),
    ],
)
def test_other_encodings_are_read_and_named(tmp_path: Path, codec: str, name: str) -> None:
    path = write(tmp_path / "rows.jsonl", TEXT.encode(codec))
    assert read_rows(path) == ROWS
    assert name in read_examples(path).note


def test_a_gbk_csv_from_a_chinese_spreadsheet_is_read(tmp_path: Path) -> None:
    text = "输入,输出\r\n" + "".join(f"{row['input'].replace('，', '、')},{row['output']}\r\n" for row in ROWS)
    path = write(tmp_path / "表.csv", text.encode("gbk"))
    result = read_examples(path, columns=ColumnMap("输入", "输出"))
    assert [example.output for example in result.examples] == ["合同纠纷", "盗窃罪"]
    assert "GB18030" in result.note


def test_western_accents_are_not_taken_for_chinese(tmp_path: Path) -> None:
    rows = [
        {
            "input": f"Der Mieter kündigte die Wohnung in der Königstraße {n} fristgemäß, José n'était pas là.",
            "output": "Kündigung",
        }
        for n in range(20)
    ]
    path = write(tmp_path / "rows.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("cp1252"))
    result = read_examples(path)
    assert "Königstraße" in result.examples[0].input
    assert "guess" in result.note


def test_traditional_chinese_in_big5_is_read_as_such(tmp_path: Path) -> None:
    rows = [
        {"input": f"被告應於判決確定後三十日內給付原告新臺幣{n}萬元，並負擔訴訟費用。", "output": "給付判決"} for n in range(20)
    ]
    path = write(tmp_path / "rows.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("big5"))
    assert read_rows(path) == rows


def test_a_few_damaged_bytes_cost_only_their_rows(tmp_path: Path) -> None:
    good = TEXT.encode()
    path = write(
        tmp_path / "rows.jsonl",
        good + '{"input": "坏'.encode() + b"\xff\xfe" + '掉", "output": "x"}\n'.encode() + b'{"input": "ok", "output": "y"}\n',
    )
    result = read_examples(path)
    assert [example.output for example in result.examples] == ["合同纠纷", "盗窃罪", "y"]
    assert [(row.row, row.reason) for row in result.dropped] == [(3, "bad_encoding")]
    assert "not valid UTF-8" in result.note


def test_a_gbk_file_cut_in_the_middle_of_a_character_loses_only_its_last_row(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", "input,output\n第一句,好\n第二句,坏\n第三句,好".encode("gbk")[:-1])
    result = read_examples(path)
    assert [example.input for example in result.examples] == ["第一句", "第二句"]
    assert [(row.row, row.reason) for row in result.dropped] == [(4, "bad_encoding")]


def test_bytes_that_are_no_text_are_refused_with_advice(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", bytes(range(128, 256)) * 40 + b"\x81\x8d\x8f\x90\x9d" * 20)
    with pytest.raises(DataError, match="save the file as UTF-8"):
        read_examples(path)


def test_a_wrong_byte_order_mark_is_an_error_not_rubbish(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", b"\xff\xfe" + b"\x00\xd8" * 99)
    with pytest.raises(DataError, match="UTF-16"):
        read_examples(path)


PLAUSIBLE = [
    ("cp1252", "Die Lampe brummt die ganze Nacht, das stört.\nMöchten Sie die alte Matratze zurück?"),
    ("cp1252", "Das Sofa kostet 450 €.\nIst es neu?"),
    ("cp1252", "I’d like my money back – the lamp doesn’t work.\nIt cost £45, which is too much for “solid oak”."),
    ("cp1252", "It cost £45."),
    ("cp1252", "Où est ma commande ? Elle n'est pas arrivée.\nL'été dernier, j'ai payé 45 €."),
    ("cp1252", "¿Dónde está mi pedido? La lámpara no funciona."),
    ("cp1252", "Måste jag betala för returen? Jag är inte nöjd."),
    ("cp1252", "München, Köln, Düsseldorf"),
    ("cp1250", "Lampa brzęczy całą noc i nie mogę spać.\nJak długo trwa gwarancja na biurko?"),
    ("cp1250", "Kde je moje objednávka? Už čekám tři týdny."),
    ("cp1250", "A lámpa egész éjjel zúg, és nem tudok aludni tőle."),
    ("cp1250", "Łódź"),
    ("cp1251", "Лампа гудит всю ночь, и это мешает."),
    ("koi8_r", "Лампа гудит всю ночь, и это мешает."),
    ("cp1253", "Πού είναι η παραγγελία μου; Η λάμπα δεν λειτουργεί."),
    ("cp1254", "Lamba bütün gece ses çıkarıyor ve çok rahatsız ediyor."),
    ("gb18030", "输入,输出\n快递,投诉\n灯坏了,退款"),
    ("gb18030", "这个灯整晚都在响"),
    ("big5", "燈整晚都在響，可以退款嗎？"),
    ("cp949", "램프가 밤새 웅웅거려서 잠을 잘 수가 없습니다.\n책상 보증 기간은 얼마나 되나요?"),
    ("cp949", "환불해 주세요"),
    ("cp932", "ランプが一晩中うるさいです。返品できますか？"),
]


@pytest.mark.parametrize(("codec", "text"), PLAUSIBLE, ids=[f"{codec}-{text[:12]}" for codec, text in PLAUSIBLE])
def test_short_files_before_utf8_are_read_as_they_were_written(tmp_path: Path, codec: str, text: str) -> None:
    path = write(tmp_path / "rows.txt", text.encode(codec))
    encoding = detect_encoding(path)
    assert path.read_bytes().decode(encoding.codec) == text
    assert "a guess" in encoding.note
    assert text.splitlines()[0][:20] in encoding.note or text.splitlines()[1][:20] in encoding.note


def test_a_given_encoding_is_taken_and_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.txt", "Größe\n".encode("cp850"))
    assert detect_encoding(path, "cp850") == Encoding("cp850")
    with pytest.raises(ConfigError, match="no encoding 'klingon'"):
        detect_encoding(path, "klingon")
    with pytest.raises(DataError, match="not utf-8"):
        detect_encoding(path, "utf-8")


@pytest.mark.parametrize("name", ["nonsense", "hex", "zip", "rot13", "base64", "undefined", "a\0b"])
def test_a_codec_that_is_no_encoding_of_text_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"input,output\na,b\n")
    with pytest.raises(ConfigError, match="there is no encoding"):
        detect_encoding(path, name)


@pytest.mark.parametrize("name", ["utf-16", "utf-32", "punycode", "idna", "utf-7", "cp500"])
def test_a_text_that_is_not_in_the_named_encoding_is_refused_or_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("input,output\n押金,ö\n".encode())
    with pytest.raises(DataError):
        read_examples(path, encoding=name)
