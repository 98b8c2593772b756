"""All alternatives, in the order of the report."""

from lbdisc_compare.contenders.contender import Contender
from lbdisc_compare.contenders.outside.confd import ConfdContender
from lbdisc_compare.contenders.outside.consul_template import ConsulTemplateContender
from lbdisc_compare.contenders.outside.dns import DEFAULTS, TUNED, DnsContender
from lbdisc_compare.contenders.outside.envoy import EnvoyContender
from lbdisc_compare.contenders.outside.lab_way import LabContender
from lbdisc_compare.contenders.outside.traefik import TraefikContender


def outsiders() -> tuple[Contender, ...]:
    return (
        DnsContender("dns", "HAProxy alone with DNS", DEFAULTS),
        DnsContender("dns-tuned", "HAProxy alone with DNS, tuned", TUNED),
        TraefikContender(),
        EnvoyContender(),
        ConfdContender(),
        ConsulTemplateContender(),
        LabContender(),
    )
