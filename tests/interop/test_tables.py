"""Tables from outside: any common CSV is read, anything odd is told by its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.errors import BadTable
from edgefair.interop.rows import Format, write_rows
from edgefair.interop.tables import read_table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a,b\n1,x\n2,y\n", id="plain"),
        pytest.param(b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n", id="byte order mark and CRLF"),
        pytest.param(b"a;b\n1;x\n2;y", id="semicolons, no last line end"),
        pytest.param(b"a\tb\n1\tx\n2\ty\n", id="tabs"),
        pytest.param(b' a , b \n"1", x\n\n2,"y"\n,\n', id="quotes, blanks and empty rows"),
    ],
)
def test_common_forms_of_csv_read_alike(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    table = read_table(path)

    assert table.columns == ("a", "b")
    assert table.column("a") == ("1", "2")
    assert len(table) == 2


def test_a_table_saved_by_excel_on_windows_keeps_its_letters(path: Path) -> None:
    path.write_bytes("name\nSchröder\n".encode("cp1252"))

    assert read_table(path).column("name") == ("Schröder",)


def test_a_header_alone_is_a_table_without_rows(path: Path) -> None:
    path.write_text("a,b\n")

    assert len(read_table(path)) == 0
    assert read_table(path).column("a") == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"a,b\n1,2\n1\n", "line 3: 1 values", id="short row"),
        pytest.param(b"a,b\n1,2,3\n", "line 2: 3 values", id="long row"),
        pytest.param(b"a,a\n1,2\n", "more than one column called a", id="column twice"),
        pytest.param(b'a,b\n"1,2\n', "line", id="open quote"),
        pytest.param(b"a\0b\n", "no CSV text", id="binary"),
    ],
)
def test_what_is_no_table_is_told_in_one_sentence(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)

    with pytest.raises(BadTable, match=told):
        read_table(path)


def test_a_missing_file_and_a_missing_column_are_told(path: Path) -> None:
    with pytest.raises(BadTable, match="cannot be opened"):
        read_table(path)
    path.write_text("score,label\n1,2\n")

    with pytest.raises(BadTable, match="no column 'sex'") as refused:
        read_table(path).column("sex")
    assert refused.value.hint == "It has: score, label."


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(
            lambda text: not text.startswith("'")
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_edgefair_writes_it_reads_back(values: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_rows(stream, ["row", "text"], list(enumerate(values)), Format.CSV)

        assert read_table(path).column("text") == tuple(values)


def test_rows_know_their_lines_past_blank_ones_and_breaks_in_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('image,note\na.png,x\n\n,\nb.png,"two\nlines"\nc.png,y\n')

    assert tuple(read_table(path).lines) == (2, 6, 7)


def test_decimal_commas_are_points_where_semicolons_part_the_values(path: Path) -> None:
    path.write_text('score;note\n0,85;1,2,3\n-1,5;"a,b"\n2;4,5x\n')
    table = read_table(path)

    assert table.column("score") == ("0.85", "-1.5", "2")
    assert table.column("note") == ("1,2,3", "a,b", "4,5x")


def test_commas_within_quotes_stay_where_commas_part_the_values(path: Path) -> None:
    path.write_text('score,note\n1,"0,85"\n')

    assert read_table(path).column("note") == ("0,85",)


def test_a_long_table_is_read_whole_and_in_order(path: Path) -> None:
    path.write_text("n\n" + "".join(f"{n}\n" for n in range(25_000)))
    table = read_table(path)

    assert table.column("n") == tuple(str(n) for n in range(25_000))
    assert table.lines[-1] == 25_001
