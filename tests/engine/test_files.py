"""What tells files apart."""

from chatapp.engine.files import fingerprint_of, stamp_of


def test_a_fingerprint_tells_files_apart_by_size_and_by_content(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file, data in zip(files, [b"x" * 500_000, b"x" * 500_001, b"x" * 499_999 + b"y", b""], strict=True):
        file.write_bytes(data)
    assert len({fingerprint_of(file) for file in files}) == 4


def test_a_stamp_follows_links_and_tells_a_file_from_its_successor(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to("a")
    before = stamp_of(tmp_path / "link")
    assert (before.inode, before.size) == ((tmp_path / "a").stat().st_ino, 1)
    (tmp_path / "b").write_bytes(b"y")
    (tmp_path / "b").replace(tmp_path / "a")
    assert stamp_of(tmp_path / "link") != before
