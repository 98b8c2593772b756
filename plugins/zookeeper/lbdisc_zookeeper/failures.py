"""Every failure of kazoo as one of ours, with the setting to look at; told apart by name."""

from collections.abc import Iterable
from typing import Literal

from lbdisc.errors import DiscoveryError, RegistrarError, SettingsError, WriteRefused
from lbdisc_zookeeper.signals import Failure, Gone, Interrupted, Locked, Overlarge, Taken

# What passes by itself: a broken connection, an ended session, a server that is busy or electing.
PASSING = frozenset(
    {
        "ConnectionLoss",
        "ConnectionClosedError",
        "ConnectionDropped",
        "SessionExpiredError",
        "SessionMovedError",
        "OperationTimeoutError",
        "RequestTimeoutError",
        "ThrottledOpError",
        "NotReadOnlyCallError",
        "NewConfigNoQuorumError",
        "ReconfigInProcessError",
        "ZookeeperStoppedError",
        "CancelledError",
        "RetryFailedError",
        "InterruptedError",
    }
)
CREDENTIALS = "see zookeeper.sasl_user, sasl_password, digest_user, digest_password"
# What only other settings mend.
SETTINGS = {
    "AuthFailedError": f"ZooKeeper refuses the user or the password ({CREDENTIALS})",
    "SessionClosedRequireSaslError": "ZooKeeper wants SASL (see zookeeper.sasl_user)",
    "SASLException": f"SASL is not possible with these credentials ({CREDENTIALS})",
    "ConfigurationError": "kazoo refuses the settings of [zookeeper]",
    "InvalidACLError": "ZooKeeper refuses the ACL: it knows no owner (see zookeeper.acl)",
}
# What somebody has to mend in ZooKeeper; then it goes on without a restart.
ELSEWHERE = {
    "NoAuthError": f"no permission for {{path}}: {{right}} ({CREDENTIALS})",
    "QuotaExceededError": "the quota of {path} is exceeded (setquota in ZooKeeper)",
    "NoChildrenForEphemeralsError": "the parent of {path} is ephemeral (see zookeeper.prefix)",
    "EphemeralOnLocalSessionError": "no ephemeral nodes on local sessions: {path}",
}


Right = Literal["read", "write", "create", "delete"]


def _needed(path: str, right: Right) -> str:
    """Whose ACL has to give what, in the letters that zkCli takes."""
    at = path if right in ("read", "write") else path.rpartition("/")[0]
    return f"the ACL of {at or '/'} has to give us {right[0]}, getAcl shows it"


def translated(
    error: Exception, *, path: str, failure: Failure, right: Right = "read"
) -> Exception:
    """What to raise for ``error``, met at ``path``; ``failure`` is for what can be retried.

    ``right`` is what the request needs; create and delete need it at the parent.

    A registrar is told apart what ZooKeeper refuses: ``WriteRefused``; a discovery, what it may not
    read: ``Locked``.
    """
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name == "NoNodeError":
            return Gone(path)
        if name in ("NodeExistsError", "BadVersionError"):
            return Taken(path)
        if name == "MarshallingError" and failure is DiscoveryError:
            return Overlarge(path)
        if name in PASSING:
            return Interrupted(name)
        if name in SETTINGS:
            return SettingsError(SETTINGS[name])
        if name in ELSEWHERE:
            refused = WriteRefused if failure is RegistrarError else failure
            if name == "NoAuthError" and failure is DiscoveryError:
                refused = Locked
            return refused(ELSEWHERE[name].format(path=path, right=_needed(path, right)))
    return failure(f"ZooKeeper cannot serve {path or 'the session'}: {names[0]}")


def cause(results: Iterable[object]) -> Exception | None:
    """Why a transaction failed, if it did: the steps before that one were only rolled back."""
    errors = (result for result in results if isinstance(result, Exception))
    return next((e for e in errors if type(e).__name__ != "RolledBackError"), None)
