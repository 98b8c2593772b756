"""``python -m lbdisc_lab.containers NAME``: whether there are images for this registry."""

import sys

from lbdisc.errors import SettingsError
from lbdisc_lab.containers.backends import backend

try:
    backend(sys.argv[1])
except SettingsError as error:
    sys.exit(f"lab: {error}")
