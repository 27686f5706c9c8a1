"""A file at its place as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.whole import beside, whole


def interrupted(target: Path) -> None:
    with whole(target) as fresh:
        fresh.write_bytes(b"half of what was to be wri")
        raise OSError("the disk is full")


@pytest.mark.parametrize("before", [None, b"old"])
def test_what_goes_wrong_half_way_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, before: bytes | None
) -> None:
    target = tmp_path / "file"
    if before is not None:
        target.write_bytes(before)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="full"):
        interrupted(target)
    assert sorted(tmp_path.iterdir()) == there
    assert before is None or target.read_bytes() == before


@pytest.mark.parametrize("name", ["file", "ü" * 127])  # as long a name as disks allow
def test_what_goes_well_is_in_the_place_of_what_was_there(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    for content in (b"first", b"second"):
        with whole(target) as fresh:
            fresh.write_bytes(content)
            assert not target.exists() or target.read_bytes() == b"first"
        assert target.read_bytes() == content
    assert [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("behind", [b"old", None])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path, behind: bytes | None) -> None:
    far, link = tmp_path / "far" / "file", tmp_path / "link"
    far.parent.mkdir()
    if behind is not None:
        far.write_bytes(behind)
    link.symlink_to(far)
    with whole(link) as fresh:
        fresh.write_bytes(b"new")
    assert link.is_symlink()
    assert far.read_bytes() == b"new"
    assert [*far.parent.iterdir()] == [far]


def test_two_who_write_at_once_do_not_meet(tmp_path: Path) -> None:
    with beside(tmp_path / "file") as one, beside(tmp_path / "file") as other:
        assert one != other
        assert one.parent == other.parent == tmp_path
