"""The README's measured figures are written by the benchmarks themselves."""

from benchmarks import table


def test_rows_that_were_noted_replace_what_stands_between_the_marks(tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.START}\nold\n{table.END}\nafter\n")
    monkeypatch.setenv(table.ROWS, str(tmp_path / "rows"))
    table.row("the lesson's network", "1.6 s", "11.0 s", "6.8 times as fast")
    table.row("a filter change", table.in_milliseconds([0.099] * 18 + [0.126] * 2))
    table.write(table.read(tmp_path / "rows"), readme)
    lines = readme.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "| the lesson's network | 11.0 s | 1.6 s | 6.8 times as fast |" in lines
    assert "| a filter change |  | 99 ms median (95th percentile 126 ms) |  |" in lines
    assert "old" not in lines


def test_the_readme_has_the_marks_once():
    text = table.README.read_text()
    assert text.count(table.START) == text.count(table.END) == 1
    assert text.index(table.START) < text.index(table.END)
