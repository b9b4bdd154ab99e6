"""A folder of anybody's pictures: what can be read is read, what cannot is listed, the folder stays as it is."""

import json
import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sslwb.data import DataError, image_folder, load
from sslwb.data.folder import read_picture

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def picture(path: Path, colour: tuple[int, ...] = RED, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Ten cats of rising redness and five dogs."""
    for i in range(10):
        picture(tmp_path / "pets" / "cat" / f"cat{i}.png", (20 * i, 0, 0))
    for i in range(5):
        picture(tmp_path / "pets" / "dog" / "deep" / f"dog{i}.jpg", BLUE)
    return tmp_path / "pets"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def promise(width: int, height: int) -> bytes:
    """A PNG of black and white that says how large it is, and would be if it were decoded."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 1)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bad_files(folder: Path) -> list[str]:
    """One of each thing that lies in folders and is no picture that can be read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("this is a text")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(folder / "truncated.jpg")
    data = (folder / "truncated.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
    noise.save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:3000])
    (folder / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    (folder / "bomb.png").write_bytes(promise(20_000, 20_000))
    (folder / "large.png").write_bytes(promise(11_000, 10_000))
    (folder / "loop1.png").symlink_to(folder / "loop2.png")
    (folder / "loop2.png").symlink_to(folder / "loop1.png")
    (folder / "broken.png").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.png")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    return [f.name for f in folder.iterdir()]


def test_sub_folders_are_the_classes(pets: Path) -> None:
    data = image_folder(pets)
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0] * 10 + [1] * 5
    assert data.x.shape == (15, 3, 32, 32)
    assert data.x.dtype == torch.uint8
    assert data.name == "folder:pets"
    assert data.x[12, :, 16, 16].tolist() == pytest.approx(BLUE, abs=4)


def test_a_flat_folder_has_no_labels_and_a_natural_order(tmp_path: Path) -> None:
    for i in (10, 9, 1, 2, 100):
        picture(tmp_path / f"a{i}.png", (i, 0, 0))
    data = image_folder(tmp_path, size=8)
    assert data.y is None
    assert data.classes == ()
    assert data.x[:, 0, 0, 0].tolist() == [1, 2, 9, 10, 100]


def test_one_class_and_one_picture_will_do(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "a.png")
    data = image_folder(tmp_path)
    assert data.classes == ("cat",)
    assert data.labels.tolist() == [0]


def test_bad_files_are_skipped_and_listed(pets: Path) -> None:
    names = bad_files(pets / "cat")
    bad = [name for name in names if not name.startswith("cat")]
    with pytest.warns(UserWarning, match=rf"{len(bad)} of {len(bad) + 15} files skipped, 15 read") as caught:
        data = image_folder(pets)
    (warning,) = caught
    assert warning.filename == __file__
    said = str(warning.message)
    for part in (
        "cat/empty.png: empty file",
        "cat/text.png: not a picture",
        "cat/script.png: not a picture",  # an EPS: no other program was started for it
        "cat/phone.heic: HEIC",
        "cat/broken.png: a link that leads nowhere",
        "cat/loop1.png: a link that leads nowhere or in a circle",
        "cat/pipe.png: not an ordinary file",
        "cat/bomb.png: too many pixels: a decompression bomb?",
        "cat/large.png: 11000 × 10000 pixels: a decompression bomb?",
    ):
        assert part in said
    assert data.labels.bincount().tolist() == [10, 5]
    assert data.x[:10, 0, 0, 0].tolist() == [20 * i for i in range(10)]


@pytest.mark.parametrize("name", ["truncated.jpg", "cut.png", "bomb.png", "large.png", "empty.png", "text.png"])
def test_each_bad_file_alone_is_an_error(tmp_path: Path, name: str) -> None:
    bad_files(tmp_path / "all")
    (tmp_path / "one").mkdir()
    (tmp_path / "all" / name).rename(tmp_path / "one" / name)
    with pytest.raises(DataError, match=rf"none of its files.*\n  {name}: "):
        image_folder(tmp_path / "one")


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    picture(tmp_path / "good.png")
    for i in range(100):
        (tmp_path / f"{i}.png").touch()
    with pytest.warns(UserWarning, match=r"100 of 101 files skipped(.|\n)*19\.png: empty file\n  … and 80 more$"):
        image_folder(tmp_path)


def test_only_bad_files_is_an_error_that_lists_them(tmp_path: Path) -> None:
    bad_files(tmp_path / "all")
    with pytest.raises(DataError, match=r"none of its files is a picture(.|\n)*empty\.png: empty file"):
        image_folder(tmp_path / "all")


@pytest.mark.parametrize("bad", [True, False], ids=["with bad files", "without files"])
def test_a_class_without_samples_is_named(pets: Path, bad: bool) -> None:
    (pets / "fish").mkdir()
    if bad:
        (pets / "fish" / "a.png").touch()
    with pytest.raises(DataError, match=r"no picture that can be read for class 'fish'"):
        image_folder(pets)


def test_links_are_followed_but_not_in_a_circle(pets: Path, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "bird1.png", GREEN)
    (pets / "bird").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")
    (pets / "cat" / "up").symlink_to(pets)
    (pets / "dog" / "cats").symlink_to(pets / "cat")
    (pets / "dog" / "top").symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="4 of 20 files skipped") as caught:
        data = image_folder(pets)
    assert data.classes == ("bird", "cat", "dog")
    assert data.labels.bincount().tolist() == [1, 10, 5]
    for name in ("bird/back", "cat/up", "dog/cats", "dog/top"):
        assert f"{name}: a link to a folder that is read anyway" in str(caught[0].message)


def test_hidden_and_other_files_are_passed_over_in_silence(pets: Path) -> None:
    for name in (".DS_Store", "cat/._cat1.png", "cat/notes.txt", "__MACOSX/a.png", "cat/Thumbs.db", ".hidden/a.png"):
        (pets / name).parent.mkdir(exist_ok=True)
        (pets / name).write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(image_folder(pets)) == 15


def test_loose_pictures_beside_classes_are_listed(pets: Path) -> None:
    picture(pets / "loose.png")
    with pytest.warns(UserWarning, match=r"loose\.png: lies beside the folders of the classes"):
        assert len(image_folder(pets)) == 15


def test_the_folder_is_only_read(pets: Path) -> None:
    before = sorted((str(f), f.stat().st_mtime_ns) for f in (pets, *pets.rglob("*")))
    for folder in (pets, pets / "cat"):
        folder.chmod(0o555)
    assert len(image_folder(pets)) == 15
    assert sorted((str(f), f.stat().st_mtime_ns) for f in (pets, *pets.rglob("*"))) == before
    for folder in (pets, pets / "cat"):
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path / "nowhere", "there is no such folder"),
        (lambda path: picture(path / "a.png"), "there is no such folder"),
        (lambda path: path, "none of its files"),
    ],
    ids=["missing", "a file", "empty"],
)
def test_a_folder_without_pictures_is_reported(tmp_path: Path, make, said: str) -> None:
    with pytest.raises(DataError, match=said):
        image_folder(make(tmp_path))


# One picture


def pixel(file: Path, size: int = 8) -> list[int]:
    return read_picture(file, size)[:, size // 2, size // 2].tolist()


def test_modes_become_rgb(tmp_path: Path) -> None:
    assert pixel(picture(tmp_path / "l.png", 77, mode="L")) == [77, 77, 77]
    assert pixel(picture(tmp_path / "1.png", 1, mode="1")) == [255, 255, 255]
    assert pixel(picture(tmp_path / "cmyk.jpg", (0, 255, 255, 0), mode="CMYK")) == pytest.approx([255, 0, 0], abs=4)
    assert pixel(picture(tmp_path / "cmyk.tif", (0, 255, 255, 0), mode="CMYK")) == pytest.approx([255, 0, 0], abs=4)
    palette = Image.new("RGB", (9, 9), RED).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(tmp_path / "p.gif")
    palette.save(tmp_path / "p.png")
    assert pixel(tmp_path / "p.gif") == pixel(tmp_path / "p.png") == list(RED)


def test_transparency_becomes_white(tmp_path: Path) -> None:
    assert pixel(picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA")) == [255, 255, 255]
    assert pixel(picture(tmp_path / "half.png", (0, 0, 0, 128), mode="RGBA")) == pytest.approx([127] * 3, abs=1)
    assert pixel(picture(tmp_path / "la.png", (50, 0), mode="LA")) == [255, 255, 255]
    palette = Image.new("P", (9, 9), 3)
    palette.putpalette([0] * 768)
    palette.save(tmp_path / "p.png", transparency=3)
    assert pixel(tmp_path / "p.png") == [255, 255, 255]


@pytest.mark.parametrize("greatest", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_scaled_by_the_range_they_use(tmp_path: Path, greatest: int, suffix: str) -> None:
    ramp = np.linspace(0, greatest, 64).round().astype(np.uint16)[None].repeat(64, 0)
    Image.fromarray(ramp).save(tmp_path / f"a.{suffix}")
    row = read_picture(tmp_path / f"a.{suffix}", 64)[:, 0]
    expected = np.linspace(0, 255, 64)
    assert np.abs(row - expected).max() <= 1


def test_floats_are_scaled_from_least_to_greatest(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 5, 64, dtype=np.float32)[None].repeat(64, 0)
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    assert np.abs(read_picture(tmp_path / "a.tif", 64)[:, 0] - np.linspace(0, 255, 64)).max() <= 1
    ramp[3, 3] = np.nan
    Image.fromarray(ramp).save(tmp_path / "nan.tif")
    with pytest.raises(ValueError, match="not all finite"):
        read_picture(tmp_path / "nan.tif", 64)
    Image.fromarray(np.full((9, 9), 7.0, np.float32)).save(tmp_path / "flat.tif")
    assert pixel(tmp_path / "flat.tif") == [0, 0, 0]


def test_the_central_square_is_cut(tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 100), RED)
    wide.paste(GREEN, (100, 0, 200, 100))
    wide.save(tmp_path / "wide.png")
    tall = wide.transpose(Image.Transpose.ROTATE_90)
    tall.save(tmp_path / "tall.png")
    for name in ("wide.png", "tall.png"):
        square = read_picture(tmp_path / name, 16)
        assert (square == np.array(GREEN)[:, None, None]).all()


def test_exif_turns_the_picture(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), RED)
    image.paste(BLUE, (0, 0, 64, 32))  # blue above red
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    image.save(tmp_path / "a.jpg", exif=exif)
    turned = read_picture(tmp_path / "a.jpg", 16)
    assert turned[:, 2, 8].tolist() == pytest.approx(RED, abs=6)
    assert turned[:, 13, 8].tolist() == pytest.approx(BLUE, abs=6)


DAMAGED = {
    "no EXIF at all": chunk(b"eXIf", b"garbage"),
    "EXIF that ends early": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x05\x01\x12"),
    "EXIF that points nowhere": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    "EXIF with a wrong checksum": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0")[:-4] + b"oops",
    "a date with a wrong checksum": chunk(b"tIME", b"1234567")[:-4] + b"oops",
    "a gamma of one byte": chunk(b"gAMA", b"1"),
    "words that would fill the memory": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8))),
}


@pytest.mark.parametrize("extra", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_good_picture_is_read_whatever_stands_beside_it(tmp_path: Path, extra: bytes, where: str) -> None:
    data = picture(tmp_path / "a.png", GREEN).read_bytes()
    at = 33 if where == "before" else data.rindex(b"IEND") - 4  # the pixels
    (tmp_path / "a.png").write_bytes(data[:at] + extra + data[at:])
    assert read_picture(tmp_path / "a.png", 8)[:, 4, 4].tolist() == list(GREEN)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0no", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12", b"x"], ids=["no", "cut", "x"]
)
def test_damaged_exif_of_other_formats_leaves_the_picture_too(tmp_path: Path, suffix: str, exif: bytes) -> None:
    Image.new("RGB", (40, 40), GREEN).save(tmp_path / f"a.{suffix}", exif=exif)
    assert np.abs(read_picture(tmp_path / f"a.{suffix}", 8)[:, 4, 4].astype(int) - GREEN).max() < 6


@pytest.mark.parametrize("turn", [0, 9, 65535])
def test_a_turn_that_exif_does_not_know_turns_nothing(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    half = np.zeros((40, 40, 3), np.uint8)
    half[:, :20] = 255
    Image.fromarray(half).save(tmp_path / "a.png", exif=exif)
    read = read_picture(tmp_path / "a.png", 4)[0]
    assert read[:, 0].min() > 200 > 60 > read[:, 3].max()


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".jpe", ".JPEG", ".pjpeg", ".jif"])
def test_a_jpeg_has_many_names(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (40, 40), GREEN).save(tmp_path / f"a{suffix}", "jpeg")
    assert len(image_folder(tmp_path)) == 1


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_shrinking_averages(tmp_path: Path, suffix: str) -> None:
    """A fine checkerboard becomes grey; picking pixels would give black or white."""
    board = np.indices((512, 512)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / f"a.{suffix}")
    small = read_picture(tmp_path / f"a.{suffix}", 32)
    assert abs(small.astype(float) - 127.5).max() <= 3


def test_a_tiny_picture_is_enlarged(tmp_path: Path) -> None:
    assert pixel(picture(tmp_path / "a.png", RED, (1, 1)), 32) == list(RED)


def test_an_animation_shows_its_first_picture(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), RED).save(
        tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", (9, 9), BLUE)]
    )
    assert pixel(tmp_path / "a.gif") == list(RED)


# Splits and draws


def test_train_and_test_never_meet_and_stay(pets: Path) -> None:
    def reds(split: str) -> set[int]:
        data = image_folder(pets, split=split, test_share=0.3)
        return set(data.x[data.labels == 0][:, 0, 0, 0].tolist())

    train, test = reds("train"), reds("test")
    assert not train & test
    assert train | test == {20 * i for i in range(10)}
    assert len(test) == 3
    assert image_folder(pets, split="test").labels.bincount().tolist() == [2, 1]
    picture(pets / "cat" / "one more.png", (251, 0, 0))
    assert len(reds("train") - train - {251}) <= 1  # a new picture moves at most one of the others


def test_every_class_is_in_both_parts(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        picture(tmp_path / name)
    for share in (0.01, 0.99):
        for split in ("train", "test"):
            assert image_folder(tmp_path, split=split, test_share=share).labels.tolist() == [0, 1]
    (tmp_path / "b" / "2.png").unlink()
    with pytest.raises(DataError, match="class 'b' has one picture"):
        image_folder(tmp_path, split="test")


def test_a_flat_folder_is_split_too(tmp_path: Path) -> None:
    for i in range(10):
        picture(tmp_path / f"{i}.png")
    assert [len(image_folder(tmp_path, split=split)) for split in ("train", "test")] == [8, 2]


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for name in ("cat", "dog"):
            for i in range(count):
                picture(tmp_path / split / name / f"{i}.png")
    assert [len(image_folder(tmp_path, split=split)) for split in ("train", "val", "test")] == [6, 4, 2]
    assert image_folder(tmp_path, split="test").classes == ("cat", "dog")
    with pytest.raises(ValueError, match=r"split is None.*train, val, test"):
        image_folder(tmp_path)
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "cats")
    with pytest.raises(DataError, match=r"only in train: \['cat'\], only in test: \['cats'\]"):
        image_folder(tmp_path, split="test")


@pytest.mark.parametrize(
    "names",
    [("train", "val"), ("Train", "TEST"), ("TRAINING", "Validation"), ("train", "valid"), ("dev", "testing")],
    ids=str,
)
def test_folders_of_splits_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for count, name in enumerate(names, 2):
        for kind in ("cat", "dog"):
            for i in range(count):
                picture(tmp_path / name / kind / f"{i}.png")
    said = {"t": "train", "v": "val", "d": "val"}
    splits = ["test" if name.casefold().startswith("test") else said[name[0].casefold()] for name in names]
    for count, split in enumerate(splits, 2):
        data = image_folder(tmp_path, split=split)
        assert (len(data), data.classes) == (2 * count, ("cat", "dog"))
    (missing,) = {"train", "val", "test"} - {*splits}
    with pytest.raises(ValueError, match=f"split is '{missing}'.*has {names[0]}, {names[1]}"):
        image_folder(tmp_path, split=missing)


def test_one_folder_called_train_is_shared_and_beside_others_it_is_a_class(tmp_path: Path) -> None:
    for i in range(10):
        picture(tmp_path / "Train" / "cat" / f"{i}.png")
        picture(tmp_path / "Train" / "dog" / f"{i}.png")
    parts = [image_folder(tmp_path, split=split) for split in ("train", "test")]
    assert [(len(part), part.classes) for part in parts] == [(16, ("cat", "dog")), (4, ("cat", "dog"))]
    picture(tmp_path / "bus" / "1.png")
    assert image_folder(tmp_path).classes == ("bus", "Train")


def test_two_folders_of_one_split_are_an_error(tmp_path: Path) -> None:
    for name in ("val", "validation"):
        picture(tmp_path / name / "cat" / "1.png")
    with pytest.raises(DataError, match="val, validation, of which two are the same split"):
        image_folder(tmp_path, split="val")


def test_pictures_beside_the_folders_of_splits_are_listed(tmp_path: Path) -> None:
    for place in ("train/cat/1.png", "test/cat/1.png", "more/deep/1.png", "loose.png"):
        picture(tmp_path / place)
    (tmp_path / "notes").mkdir()
    with pytest.warns(UserWarning, match="2 of 3 files skipped") as caught:
        image_folder(tmp_path, split="train")
    assert "loose.png: lies beside the folders of the splits" in str(caught[0].message)
    assert "more: lies beside" in str(caught[0].message)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are Unicode")
def test_names_that_are_not_utf8_are_read_and_written_out(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"ha\xefku")
    for i in range(4):
        picture(root / os.fsdecode(b"caf\xe9") / os.fsdecode(b"\xff%d.png" % i))
        picture(root / "tea" / f"{i}.png")
    (root / "tea" / os.fsdecode(b"\xe9.png")).write_text("no picture")
    with pytest.warns(UserWarning, match=r"\\xe9\.png: not a picture") as caught:
        data = image_folder(root, split="train", stream=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = data, image_folder(root, split="test")
    assert [len(part) for part in both] == [6, 2]
    said = [*data.classes, data.name, str(caught[0].message), *(name for name, _ in data.contents())]
    assert [*data.classes, data.name] == ["caf\\xe9", "tea", "folder:ha\\xefku"]
    json.dumps(said, ensure_ascii=False).encode()  # a notebook can store it
    with pytest.raises(DataError) as error:
        image_folder(root / "none")
    str(error.value).encode()


@pytest.mark.parametrize(
    "wrong", [{"split": "val"}, {"size": 0}, {"test_share": 0.0}, {"test_share": 1.0}, {"n": 0}], ids=str
)
def test_wrong_numbers_are_reported(pets: Path, wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}.* is |{name} "):
        image_folder(pets, **wrong)


def test_n_pictures_that_can_be_read_are_drawn(pets: Path) -> None:
    bad_files(pets / "cat")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        few, more, other = (image_folder(pets, n=n, seed=s) for n, s in ((5, 1), (12, 1), (12, 2)))
    assert (len(few), len(more)) == (5, 12)
    assert torch.equal(few.x, more.x[:5])
    assert not torch.equal(more.x, other.x)


def test_load_takes_a_folder(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pets.parent)
    for name in (pets, str(pets), "./pets", "pets", f"folder:{pets}", "folder:pets"):
        assert len(load(name, "train", size=16)) == 12
        assert load(name, "test", size=16).shape == (3, 16, 16)
    assert len(load(pets, n=4)) == 4
