"""Certificates for tests, with their keys."""

import trustme


def certified(name: str) -> str:
    """A certificate for the host ``name``, who signed it, and its key, as HAProxy's ``crt``."""
    issued = trustme.CA().issue_cert(name)
    return issued.private_key_and_cert_chain_pem.bytes().decode()
