"""Importing etcd3 0.12.0 beside a current protobuf.

Its generated message modules were made by a protobuf compiler of 2018 and raise ``TypeError`` on
protobuf 4 and newer. They still carry the description of every message, so the classes are built
from that, in a descriptor pool of their own: the file names in it (``rpc.proto``, ``kv.proto``) are
so common that another package in the process may own them in the default pool.
"""

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from lbdisc.errors import PluginError

PACKAGE = "etcd3.etcdrpc"
FILES = ("kv", "auth", "rpc")  # in the order of their dependencies
IMPLEMENTATION = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"


class UnreadableStubsError(Exception):
    """The installed stubs are not the old ones this module knows."""


def imported() -> ModuleType:
    """The module ``etcd3``, imported. Raises ``PluginError`` if no way leads there."""
    if "etcd3" in sys.modules:
        return sys.modules["etcd3"]
    try:
        described = _descriptions(_folder())
    except UnreadableStubsError as error:
        return _import_as_it_is(error)
    modules = _modules(described)
    sys.modules.update(modules)
    try:
        _execute_grpc_stubs(modules)
        return importlib.import_module("etcd3")
    except Exception:
        for name in modules:
            sys.modules.pop(name, None)
        raise


def _folder() -> Path:
    spec = importlib.util.find_spec("etcd3")
    if spec is None or spec.origin is None:
        raise PluginError("the package etcd3 is not installed: install etcd3==0.12.0")
    return Path(spec.origin).parent / "etcdrpc"


def _descriptions(folder: Path) -> dict[str, bytes]:
    """The serialized description of each file, read without running it."""
    return {name: _description(folder / f"{name}_pb2.py") for name in FILES}


def _description(file: Path) -> bytes:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableStubsError(f"cannot read {file.name}: {error}") from error
    for node in ast.walk(tree):
        match node:
            case ast.keyword(
                arg="serialized_pb",
                value=ast.Call(func=ast.Name(id="_b"), args=[ast.Constant(value=str(text))]),
            ):
                return text.encode("latin-1")
    raise UnreadableStubsError(f"{file.name} holds no description")


def _modules(described: dict[str, bytes]) -> dict[str, ModuleType]:
    from google.protobuf import descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    package = ModuleType(PACKAGE)
    package.__path__ = [str(_folder())]
    modules = {PACKAGE: package}
    for name, description in described.items():
        pool.AddSerializedFile(description)
        module = _message_module(f"{PACKAGE}.{name}_pb2", pool.FindFileByName(f"{name}.proto"))
        modules[module.__name__] = module
        setattr(package, f"{name}_pb2", module)
    return modules


def _message_module(name: str, file: Any) -> ModuleType:
    from google.protobuf import message_factory
    from google.protobuf.internal import enum_type_wrapper

    module = ModuleType(name)
    module.__dict__["DESCRIPTOR"] = file
    for message, descriptor in file.message_types_by_name.items():
        setattr(module, message, message_factory.GetMessageClass(descriptor))
    for enum, descriptor in file.enum_types_by_name.items():
        setattr(module, enum, enum_type_wrapper.EnumTypeWrapper(descriptor))
        for value in descriptor.values:
            setattr(module, value.name, value.number)
    return module


def _execute_grpc_stubs(modules: dict[str, ModuleType]) -> None:
    """Run the shipped ``rpc_pb2_grpc`` against our messages; fill the package as its file does."""
    package = modules[PACKAGE]
    name = f"{PACKAGE}.rpc_pb2_grpc"
    file = Path(package.__path__[0]) / "rpc_pb2_grpc.py"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"etcd3 is incomplete: {file.name} is missing; install etcd3==0.12.0")
    grpc_stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(grpc_stubs)
    sys.modules[name] = modules[name] = grpc_stubs
    for source in (modules[f"{PACKAGE}.rpc_pb2"], grpc_stubs):
        public = {name: value for name, value in vars(source).items() if not name.startswith("_")}
        package.__dict__.update(public)


def _import_as_it_is(reason: UnreadableStubsError) -> ModuleType:
    """Stubs that we cannot read may work by themselves, or with protobuf's slow implementation."""
    with _slow_protobuf():
        try:
            return importlib.import_module("etcd3")
        except (TypeError, ImportError) as error:
            raise PluginError(
                f"cannot import etcd3 with this protobuf ({type(error).__name__}; {reason}): "
                "install etcd3==0.12.0 and 'protobuf>=6.31.1,<8'"
            ) from error


@contextmanager
def _slow_protobuf() -> Iterator[None]:
    """Ask for the pure-Python protobuf, unless one is loaded; children do not inherit that."""
    if IMPLEMENTATION in os.environ or "google.protobuf" in sys.modules:
        yield
        return
    os.environ[IMPLEMENTATION] = "python"
    try:
        yield
    finally:
        del os.environ[IMPLEMENTATION]
