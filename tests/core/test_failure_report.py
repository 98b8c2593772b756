"""The failure matrix as a table."""

from support.failure_report import Matrix


def test_a_cell_tells_of_losses_and_time_and_what_counts_apart() -> None:
    matrix = Matrix()
    measured = {"row": "HAProxy killed", "lost": 0, "apart": {"HAProxy is dead": 3}, "seconds": 0.5}
    matrix.add({**measured, "column": "etcd"}, outcome="pass", reason="")
    matrix.add({"row": "HAProxy killed", "column": "file"}, outcome="skip", reason="no root")
    table = matrix.markdown(rate=100)
    assert "| Fault | file | etcd |" in table
    assert "| HAProxy killed | – [1] | 0 lost, 0.50 s (+3 [2]) |" in table
    assert "1. no root\n2. HAProxy is dead" in table


def test_a_failure_is_not_hidden_by_a_good_end() -> None:
    matrix = Matrix()
    cell = {"row": "a fault", "column": "file"}
    matrix.add({**cell, "lost": 2}, outcome="fail", reason="assert it")
    matrix.add({**cell, "lost": 2}, outcome="pass", reason="")
    assert "**failed** [1]: 2 lost" in matrix.markdown(rate=100)


def test_what_takes_too_long_is_bold_and_what_the_registry_took_is_told_apart() -> None:
    matrix = Matrix()
    cell = {"row": "a fault", "lost": 0, "load": 1.0}
    matrix.add({**cell, "column": "serf", "seconds": 0.02, "told": 4.21}, outcome="pass", reason="")
    matrix.add({**cell, "column": "etcd", "seconds": 2.5, "told": 0.01}, outcome="pass", reason="")
    table = matrix.markdown(rate=100)
    assert "| a fault | 0 lost, 0.02 s, registry 4.21 s | 0 lost, **2.50 s** |" in table
    assert "1 of 2 cells took longer than 2 s." in table
