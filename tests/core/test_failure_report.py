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
