"""All ways of lbdisc itself."""

from lbdisc_compare.contenders.lbdisc_etcd import ETCD, ETCD_3, ETCD_RELOAD
from lbdisc_compare.contenders.lbdisc_file import FILE
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay

LBDISC_WAYS: tuple[LbdiscWay, ...] = (FILE, ETCD, ETCD_3, ETCD_RELOAD)
