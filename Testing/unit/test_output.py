"""A result folder is whole or absent, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from LungPNetLib.errors import Cancelled, InputError, OutputError
from LungPNetLib.output import result_folder
from LungPNetLib.saving import write_checked
from LungPNetLib.volume import Volume

HOLD = """
import sys, time
from pathlib import Path
from LungPNetLib.output import result_folder
with result_folder(Path(sys.argv[1])) as folder:
    (folder / "half.txt").write_text("half")
    print("working", flush=True)
    time.sleep(60)
"""


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_finished_result_is_there_with_nothing_beside_it(tmp_path):
    with result_folder(tmp_path / "deep" / "out") as folder:
        (folder / "result.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()
    assert [path.name for path in (tmp_path / "deep" / "out").iterdir()] == ["result.json"]
    assert hidden(tmp_path / "deep") == []


def test_the_result_can_be_read_by_others_as_usual(tmp_path):
    with result_folder(tmp_path / "out"):
        pass
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [InputError("x"), Cancelled("x"), KeyboardInterrupt()])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)), result_folder(tmp_path / "out") as folder:
        (folder / "half.txt").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_existing_result_is_refused_and_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("old")
    with pytest.raises(InputError, match="exists already.*--overwrite"):
        with result_folder(tmp_path / "out"):
            pass
    assert (tmp_path / "out" / "result.json").read_text() == "old"


def test_overwrite_replaces_a_result_only_when_the_new_one_is_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("old")
    with pytest.raises(InputError), result_folder(tmp_path / "out", overwrite=True):
        raise InputError("x")
    assert (tmp_path / "out" / "result.json").read_text() == "old"
    with result_folder(tmp_path / "out", overwrite=True) as folder:
        (folder / "result.json").write_text("new")
    assert (tmp_path / "out" / "result.json").read_text() == "new"
    assert hidden(tmp_path) == []


def test_overwrite_never_replaces_what_is_not_a_result(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"no result\.json"):
        with result_folder(tmp_path / "thesis", overwrite=True):
            pass
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_what_a_killed_run_left_is_removed_and_a_running_one_is_spared(tmp_path):
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        with result_folder(out) as folder:  # a second run beside the first
            (folder / "result.json").write_text("{}")
        assert len(hidden(tmp_path)) == 1  # the first one still works in its own folder
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(hidden(tmp_path)) == 1
    with result_folder(out, overwrite=True) as folder:
        (folder / "result.json").write_text("{}")
    assert hidden(tmp_path) == []
    assert (out / "result.json").exists()


def test_a_fresh_folder_without_a_lock_is_left_alone_and_an_old_one_is_not(tmp_path):
    fresh, old = tmp_path / ".out.partial-a", tmp_path / ".out.partial-b"
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    with result_folder(tmp_path / "out"):
        pass
    assert hidden(tmp_path) == [fresh.name]


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="needs a folder that even root cannot write")
def test_no_permission_is_said_before_the_work_starts():
    with pytest.raises(InputError, match="Cannot write into '/sys'.*permission"):
        with result_folder(Path("/sys/out")):
            pytest.fail("must not get here")


def test_a_parent_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="Cannot write into"):
        with result_folder(tmp_path / "file" / "out"):
            pytest.fail("must not get here")


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mount.returncode != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing(tiny_disk):
    with pytest.raises(OutputError, match="disk is full.*Nothing was written"):
        with result_folder(tiny_disk / "out") as folder:
            (folder / "big").write_bytes(bytes(2_000_000))
    assert list(tiny_disk.iterdir()) == []


def test_a_label_map_cut_off_by_a_full_disk_is_noticed(tiny_disk):
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 255, (40, 256, 256)).astype(np.uint8)
    with pytest.raises(OutputError, match="could not be written completely"):
        write_checked(Volume(noise), tiny_disk / "lungs.nrrd")
