"""Every exception of kazoo becomes one of ours; a new one in kazoo fails here."""

import kazoo.exceptions
import kazoo.retry
import pytest
from kazoo.exceptions import KazooException

from lbdisc.errors import DiscoveryError, RegistrarError, SettingsError, WriteRefused
from lbdisc_zookeeper.failures import ELSEWHERE, PASSING, SETTINGS, cause, translated
from lbdisc_zookeeper.signals import Gone, Interrupted, Locked, Overlarge, Taken

# What kazoo 2.11 raises beyond the tables: errors of a request that the plugin never makes, or of
# a server that is broken; retried, with the name in the message.
ELSE = {
    "KazooException",
    "ZookeeperError",
    "LockTimeout",
    "WriterNotClosedException",
    "SystemZookeeperError",
    "RuntimeInconsistency",
    "DataInconsistency",
    "UnimplementedError",
    "BadArgumentsError",
    "UnknownSessionError",
    "APIError",
    "RolledBackError",
    "NotEmptyError",
    "InvalidCallbackError",
    "NoWatcherError",
    "ReconfigDisabledError",
}
KINDS = {
    name: kind
    for name, kind in vars(kazoo.exceptions).items()
    if isinstance(kind, type) and issubclass(kind, KazooException) and kind.__name__ == name
}


def _expected(name: str) -> type[Exception]:
    if name in PASSING:
        return Interrupted
    if name in SETTINGS:
        return SettingsError
    if name == "NoAuthError":
        return Locked
    if name in ELSEWHERE or name in ELSE:
        return DiscoveryError
    return {
        "NoNodeError": Gone,
        "NodeExistsError": Taken,
        "BadVersionError": Taken,
        "MarshallingError": Overlarge,
    }[name]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_exception_of_kazoo_becomes_one_of_ours(name: str) -> None:
    error = translated(KINDS[name](), path="/lbdisc", failure=DiscoveryError)
    assert type(error) is _expected(name)


@pytest.mark.parametrize("name", sorted({*PASSING, *SETTINGS, *ELSEWHERE}))
def test_tables_name_exceptions_that_exist(name: str) -> None:
    assert name in KINDS or hasattr(kazoo.retry, name)


def test_message_about_permission_names_the_path_and_the_settings() -> None:
    error = translated(KINDS["NoAuthError"](), path="/lbdisc/web", failure=DiscoveryError)
    assert "/lbdisc/web" in str(error)
    assert "zookeeper.sasl_user" in str(error)


def test_unknown_failure_is_named() -> None:
    error = translated(RuntimeError("xids"), path="/lbdisc", failure=DiscoveryError)
    assert str(error) == "ZooKeeper cannot serve /lbdisc: RuntimeError"


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_registrar_is_told_that_its_writes_are_refused(name: str) -> None:
    error = translated(KINDS[name](), path="/lbdisc/web/a", failure=RegistrarError)
    assert isinstance(error, WriteRefused)


def test_cause_of_a_failed_transaction_is_the_step_that_failed() -> None:
    steps = [KINDS[n]() for n in ("RolledBackError", "NoAuthError", "RuntimeInconsistency")]
    assert cause(steps) is steps[1]
    assert cause([True, "/lbdisc/web/a"]) is None
