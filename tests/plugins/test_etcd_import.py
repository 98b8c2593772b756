"""etcd3 0.12.0 beside a current protobuf, in fresh interpreters."""

import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

USE = """
    from lbdisc_etcd import wire
    request = wire.rpc.RangeRequest(key=b"a", limit=3)
    assert wire.rpc.RangeRequest.FromString(request.SerializeToString()).limit == 3
    assert wire.rpc.Compare.MOD == 2
    assert wire.etcd3.__version__ == "0.12.0"
"""


def run(code: str, *options: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(code)
    if path is not None:
        code = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}"
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.fixture
def strange_stubs(tmp_path: Path) -> Path:
    """A copy of etcd3 that works with protobuf's Python implementation, but reads differently."""
    found = find_spec("etcd3")
    assert found is not None
    assert found.origin is not None
    shutil.copytree(Path(found.origin).parent, tmp_path / "etcd3")
    for file in (tmp_path / "etcd3" / "etcdrpc").glob("*_pb2.py"):
        file.write_text(file.read_text().replace("serialized_pb=_b(", "serialized_pb=bytes()+_b("))
    return tmp_path


def test_import_is_clean_with_warnings_as_errors() -> None:
    done = run(USE, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")


def test_another_package_may_own_the_same_file_names() -> None:
    other = """
        from google.protobuf import descriptor_pb2, descriptor_pool
        for name in ("rpc.proto", "kv.proto", "auth.proto"):
            file = descriptor_pb2.FileDescriptorProto(name=name, package="other")
            descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    """
    done = run(textwrap.dedent(other) + textwrap.dedent(USE))
    assert (done.returncode, done.stderr) == (0, "")


def test_stubs_that_cannot_be_read_are_imported_with_the_slow_protobuf(strange_stubs: Path) -> None:
    left = "\n    import os; print(os.environ.get('PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'))"
    done = run(USE + left, path=strange_stubs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")


def test_stubs_that_nothing_can_import_are_a_plugin_error(strange_stubs: Path) -> None:
    done = run("import google.protobuf.message\nfrom lbdisc_etcd import wire", path=strange_stubs)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lbdisc.errors.PluginError: cannot import etcd3 with this protobuf")


def test_looking_at_the_offers_imports_no_client() -> None:
    done = run("""
        import sys
        from lbdisc_etcd import plugin
        assert "pydantic" not in sys.modules
        assert plugin.lbdisc_discovery().settings is plugin.lbdisc_registrar().settings
        assert not {"grpc", "etcd3", "google.protobuf"} & set(sys.modules)
    """)
    assert (done.returncode, done.stderr) == (0, "")
