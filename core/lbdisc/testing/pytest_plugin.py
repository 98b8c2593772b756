"""pytest options of the contract kit."""

import pytest

for _module in ("state", "entries", "registrars", "faults", "limits", "common"):
    pytest.register_assert_rewrite(f"lbdisc.testing.promises.{_module}")
