"""The parts of the machine that `tox -e ble` boots, without booting it."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..ble_stack.vm import MachineError, _initramfs, _machine, _needs
from ..ble_stack.vm.relay.guest import packets

H4 = st.one_of(
    st.binary(max_size=255).map(lambda body: b"\x01\x03\x0c" + bytes([len(body)]) + body),
    st.binary(max_size=600).map(
        lambda body: b"\x02\x01\x00" + len(body).to_bytes(2, "little") + body
    ),
    st.binary(max_size=255).map(lambda body: b"\x04\x3e" + bytes([len(body)]) + body),
)


@given(st.lists(H4, max_size=6), st.data())
def test_any_cutting_of_a_stream_gives_the_same_packets(
    sent: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    held, seen = bytearray(), list[bytes]()
    for start, end in itertools.pairwise(sorted({0, *cuts, len(stream)})):
        held += stream[start:end]
        seen += packets(held)
    assert seen == sent
    assert not held


@pytest.mark.parametrize("text", ["0", "601", "-1", "soon", ""])
def test_a_limit_that_is_none_is_said_with_its_range(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(_machine.LIMIT_VARIABLE, text)
    with pytest.raises(MachineError) as caught:
        _machine._limit_s()
    assert str(caught.value) == f"JBD_VM_MINUTES {text!r}: must be 1 to 600"


def test_a_package_that_cannot_be_had_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "apt-get"
    tool.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2; exit 100\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_needs, "_SBIN", ())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    told: list[str] = []
    with pytest.raises(MachineError) as caught:
        _needs.provide(told.append)
    assert str(caught.value) == "apt-get -q update: E: Unable to locate package"
    [line] = told
    assert line.startswith("installing bluez busybox-static dbus")


def test_without_debian_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_needs, "_SBIN", ())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(MachineError, match="no apt-get here: the machine is made from Debian's"):
        _needs.provide(lambda _: None)


def test_the_first_files_are_an_archive_that_others_read(tmp_path: Path) -> None:
    archive = _initramfs._Archive()
    archive.folder("bin")
    archive.file("bin/odd", b"five!")
    archive.file("init", b"")
    try:
        listed = subprocess.run(
            ["cpio", "--list", "--quiet"], input=archive.finish(), capture_output=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("needs cpio")
    assert listed.stdout.split() == [b"bin", b"bin/odd", b"init"]
