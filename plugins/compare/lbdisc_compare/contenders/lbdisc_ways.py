"""All ways of lbdisc itself."""

from lbdisc_compare.contenders.lbdisc_doozer import DOOZER
from lbdisc_compare.contenders.lbdisc_etcd import ETCD, ETCD_3, ETCD_RELOAD
from lbdisc_compare.contenders.lbdisc_file import FILE
from lbdisc_compare.contenders.lbdisc_serf import SERF_LAN, SERF_LOCAL, SERF_WAN
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.lbdisc_zookeeper import ZOOKEEPER, ZOOKEEPER_3

LBDISC_WAYS: tuple[LbdiscWay, ...] = (
    *(FILE, SERF_LOCAL, SERF_LAN, SERF_WAN),
    *(ETCD, ETCD_3, ZOOKEEPER, ZOOKEEPER_3, DOOZER, ETCD_RELOAD),
)
