"""The commands for one server that stays or leaves. Pure."""

from lbdisc.haproxy.planning.moves import moved
from lbdisc.haproxy.planning.servers import Spec, Unfit
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.commands import Command


def leave(spec: Spec) -> list[Command]:
    """No new requests, and no check that fails and cuts those that run, as in an old worker."""
    target = (spec.proxy, spec.name)
    unchecked = [cmd.DisableHealth(*target)] if spec.checked else []
    return [*unchecked, cmd.SetWeight(*target, 0)]


def change(old: Spec, new: Spec, *, dynamic: bool) -> list[Command]:
    """The commands for a server that stays. Raises ``Unfit`` when there are none."""
    where = f"server {new.proxy}/{new.name}"
    keywords = [*new.options, *old.options]
    changed = next((key for key in keywords if old.options.get(key) != new.options.get(key)), "")
    if changed:
        raise Unfit(f"{where}: {changed!r} changed")
    if keyword := new.has("track", "agent-check"):
        raise Unfit(f"{where}: with {keyword!r} a change needs a reload")
    target = (new.proxy, new.name)
    todo: list[Command] = []
    if new.disabled and not old.disabled:
        todo.append(cmd.SetState(*target, "maint"))
    if moved(old, new):
        todo.append(cmd.SetAddress(*target, new.host, new.port))
        if new.checked and not (old.disabled or new.disabled):
            # Up until its checks say otherwise, as after a reload; not down as at its old address.
            todo.append(cmd.SetHealth(*target, "up"))
    if old.weight != new.weight:
        if not dynamic:
            raise Unfit(f"{where}: its weight is fixed with this balance")
        todo.append(cmd.SetWeight(*target, new.weight))
    if old.disabled and not new.disabled:
        if new.checked:
            todo.append(cmd.EnableHealth(*target))
        todo.append(cmd.SetState(*target, "ready"))
        if dynamic:
            # A weight that was set in maintenance takes its effect only when it is set again.
            todo.append(cmd.SetWeight(*target, new.weight))
    return todo
