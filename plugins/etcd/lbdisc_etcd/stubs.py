"""Importing etcd3 0.12.0 beside a current protobuf.

Its generated message modules were made by a protobuf compiler of 2018 and raise ``TypeError`` on
protobuf 4 and newer. They still carry the description of every message, so the classes are built
from that, in a descriptor pool of their own: the file names in it (``rpc.proto``, ``kv.proto``) are
so common that another package in the process may own them in the default pool.
"""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from lbdisc.errors import PluginError

PACKAGE = "etcd3.etcdrpc"
FILES = ("kv", "auth", "rpc")  # in the order of their dependencies
# What etcd 3.4 added to the messages of 2018 (its api/etcdserverpb/rpc.proto): a watch whose large
# answers come in parts. Older servers pass over it.
LATER = (("WatchCreateRequest", "fragment", 8), ("WatchResponse", "fragment", 7))


def imported() -> ModuleType:
    """The module ``etcd3``, imported. Raises ``PluginError`` if it is not the one known here."""
    if "etcd3" in sys.modules:
        return sys.modules["etcd3"]
    folder = _folder()
    package, messages = ModuleType(PACKAGE), _messages(folder)
    package.__path__ = [str(folder)]
    vars(package)["rpc_pb2"] = messages
    sys.modules |= {PACKAGE: package, messages.__name__: messages}
    services = importlib.import_module(f"{PACKAGE}.rpc_pb2_grpc")
    for source in (messages, services):  # as the package's own file does
        vars(package).update((n, v) for n, v in vars(source).items() if not n.startswith("_"))
    return importlib.import_module("etcd3")


def _folder() -> Path:
    spec = importlib.util.find_spec("etcd3")
    if spec is None or spec.origin is None:
        raise PluginError("the package etcd3 is not installed: install etcd3==0.12.0")
    return Path(spec.origin).parent / "etcdrpc"


def _messages(folder: Path) -> ModuleType:
    """The module ``rpc_pb2``, as far as it is used: all messages, no enumerations beside them."""
    pool = descriptor_pool.DescriptorPool()
    for name in FILES:
        file = descriptor_pb2.FileDescriptorProto.FromString(
            _description(folder / f"{name}_pb2.py")
        )
        _complete(file)
        pool.AddSerializedFile(file.SerializeToString())
    module = ModuleType(f"{PACKAGE}.rpc_pb2")
    for name, descriptor in pool.FindFileByName("rpc.proto").message_types_by_name.items():
        setattr(module, name, message_factory.GetMessageClass(descriptor))
    return module


def _complete(file: descriptor_pb2.FileDescriptorProto) -> None:
    """Add what is in ``LATER``."""
    kinds = descriptor_pb2.FieldDescriptorProto
    for message in file.message_type:
        for name, field, number in LATER:
            if message.name == name:
                message.field.add(
                    name=field, number=number, type=kinds.TYPE_BOOL, label=kinds.LABEL_OPTIONAL
                )


def _description(file: Path) -> bytes:
    """The serialized description in a generated module, read without running it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.keyword(
                arg="serialized_pb",
                value=ast.Call(func=ast.Name(id="_b"), args=[ast.Constant(value=str(text))]),
            ):
                return text.encode("latin-1")
    raise PluginError("this is another etcd3 than lbdisc knows: install etcd3==0.12.0")
