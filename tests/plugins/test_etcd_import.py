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
def other_etcd3(tmp_path: Path) -> Path:
    """A copy of etcd3 whose generated modules read differently, as those of its forks do."""
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


def test_another_etcd3_is_a_plugin_error_that_names_the_right_one(other_etcd3: Path) -> None:
    done = run("from lbdisc_etcd import wire", path=other_etcd3)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lbdisc.errors.PluginError: this is another etcd3 than lbdisc knows")
    assert last.endswith("install etcd3==0.12.0")


def test_sessions_have_the_services_that_they_call() -> None:
    done = run("""
        from lbdisc_etcd.patience import Patience
        from lbdisc_etcd.settings import EtcdSettings
        from lbdisc_etcd.wire import Session, rpc
        settings = EtcdSettings()
        with Session(settings.members[0], settings, patience=Patience(1)):
            assert {"KVStub", "LeaseStub", "WatchStub", "AuthStub"} <= set(dir(rpc))
    """)
    assert (done.returncode, done.stderr) == (0, "")


def test_looking_at_the_offers_imports_no_client() -> None:
    done = run("""
        import sys
        from lbdisc_etcd import plugin
        assert "pydantic" not in sys.modules
        assert plugin.lbdisc_discovery().settings is plugin.lbdisc_registrar().settings
        assert not {"grpc", "etcd3", "google.protobuf"} & set(sys.modules)
    """)
    assert (done.returncode, done.stderr) == (0, "")
