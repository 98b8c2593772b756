"""The files that https needs, checked so that a mistake names its setting."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from lbdisc.certificates import CertificateFiles
from lbdisc.errors import SettingsError
from lbdisc_etcd.failures import EtcdRefused
from lbdisc_etcd.settings import EtcdSettings


@cache
def files_of(settings: EtcdSettings) -> CertificateFiles:
    """Those of this process for ``settings``. Raises ``EtcdRefused``."""
    system = ssl.get_default_verify_paths().cafile
    ca_file = settings.ca_file or (Path(system) if system else None)
    if ca_file is None:
        raise EtcdRefused("the system trusts nobody: set etcd.ca_file")
    return CertificateFiles(
        "etcd", ca_file=ca_file, cert_file=settings.cert_file, key_file=settings.key_file
    )


@contextmanager
def trusted(settings: EtcdSettings, *, secure: bool) -> Iterator[dict[str, str | None]]:
    """What a client of etcd3 needs to be told of files, within the block; they are read anew.

    Raises ``EtcdRefused``.
    """
    if not secure:
        yield {}
        return
    try:
        found = files_of(settings).current()
    except SettingsError as error:
        raise EtcdRefused(str(error)) from error
    with found.files() as (ca, cert, key):
        ours = {"cert_cert": cert, "cert_key": key} if found.cert else {}
        yield {"ca_cert": ca, **ours}
