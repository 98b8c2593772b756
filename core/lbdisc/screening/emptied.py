"""Settings that would end all traffic of a service, as an ``allow`` that misses its networks."""

from lbdisc.errors import SettingsError
from lbdisc.screening.screen import Screening
from lbdisc.settings.tables import CoreSettings
from lbdisc.values import Snapshot


def check_somebody_stays(core: CoreSettings, served: Snapshot) -> None:
    """Raises ``SettingsError`` where all that is ``served`` of a service would be refused."""
    screen = Screening(core.endpoints)
    for service, endpoints in served.only(core.services).services.items():
        whys = [screen.refuses(endpoint) for endpoint in endpoints]
        if whys and all(whys):
            raise SettingsError(
                f"[endpoints] would refuse all {len(whys)} of {service} that are served "
                f"({whys[0]}): restart the agent if that is meant"
            )
