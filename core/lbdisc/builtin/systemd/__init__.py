"""The listener ``sd_notify``: the service manager, where there is one."""
