import os
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from dermbench.artifacts.images import decode_rgb, decode_sized, kind_of
from dermbench.errors import InputError

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)
GREY = np.rint(RAMP * 255).astype(np.uint8)


def test_upright_rgb(tmp_path):
    image = Image.new("L", (4, 2), 7)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    decoded = decode_rgb(tmp_path / "a.jpg")
    assert decoded.size == (2, 4)
    assert decoded.mode == "RGB"


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_tiff_is_turned_back(tmp_path, mode, orientation):
    image = deep(RAMP * 65535, np.uint16) if mode == "I;16" else Image.fromarray(GREY).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.tif", exif=exif)
    turned = np.rot90(GREY, {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    decoded, size = decode_sized(tmp_path / "a.tif")
    assert abs(np.asarray(decoded).astype(int) - turned[..., None]).max() <= 1
    assert size == decoded.size


def test_bytes_that_were_read_decode_as_the_file_does(tmp_path):
    Image.fromarray(GREY).convert("RGB").save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(b"")
    again, size = decode_sized(tmp_path / "a.jpg", data=data)
    (tmp_path / "a.jpg").write_bytes(data)
    assert again.tobytes() == decode_rgb(tmp_path / "a.jpg").tobytes()
    assert size == (64, 48)


def test_draft_is_never_smaller_than_asked(tmp_path):
    Image.new("RGB", (800, 600)).save(tmp_path / "a.jpg")
    assert min(decode_rgb(tmp_path / "a.jpg", draft=128).size) >= 128


def deep(values, kind):
    return Image.fromarray(np.rint(values).astype(kind) if np.dtype(kind).kind != "f" else values.astype(kind))


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("16-bit.png", deep(RAMP * 65535, np.uint16)),
        ("16-bit.tif", deep(RAMP * 65535, np.uint16)),
        ("12-bit.png", deep(RAMP * 4095, np.uint16)),
        ("8-of-16-bit.tif", deep(RAMP * 255, np.uint16)),
        ("32-bit.tif", deep(RAMP * 65535, np.int32)),
        ("shares.tif", deep(RAMP, np.float32)),
        ("float-255.tif", deep(RAMP * 255, np.float32)),
        ("float-65535.tif", deep(RAMP * 65535, np.float32)),
        ("grey.png", Image.fromarray(GREY)),
        ("grey-and-alpha.png", Image.fromarray(GREY).convert("LA")),
        ("opaque.png", Image.fromarray(GREY).convert("RGBA")),
        ("palette.png", Image.fromarray(GREY).convert("P")),
        ("palette.gif", Image.fromarray(GREY)),
        ("lossless.webp", Image.fromarray(GREY).convert("RGB")),
        ("colour.bmp", Image.fromarray(GREY).convert("RGB")),
        ("printed.tif", Image.fromarray(GREY).convert("CMYK")),
    ],
)
def test_a_ramp_is_the_same_ramp_in_every_mode(tmp_path, name, image):
    image.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    decoded = np.asarray(decode_rgb(tmp_path / name)).astype(int)
    assert abs(decoded - GREY[..., None]).max() <= 1


def test_16_bit_colour_keeps_its_range(tmp_path):
    ramp = np.rint(RAMP * 65535).astype(">u2")
    (tmp_path / "a.png").write_bytes(png(64, 48, 16, 2, np.repeat(ramp[..., None], 3, axis=2)))
    decoded = np.asarray(decode_rgb(tmp_path / "a.png")).astype(int)
    assert abs(decoded - GREY[..., None]).max() <= 1


def test_transparent_pixels_are_white_and_others_as_they_are(tmp_path):
    image = Image.new("RGBA", (4, 2), (200, 100, 50, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.save(tmp_path / "a.png")
    decoded = decode_rgb(tmp_path / "a.png")
    assert [decoded.getpixel((x, 0)) for x in range(3)] == [(255,) * 3, (127,) * 3, (200, 100, 50)]


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (deep(RAMP * 1e6, np.int32), "values from 0 to 1e.06, not in 0 to 65,535"),
        (deep(RAMP - 0.5, np.float32), "values from -0.5 to 0.5"),
        (deep(np.where(RAMP > 0.5, np.nan, RAMP), np.float32), "not finite"),
        (deep(np.where(RAMP > 0.5, np.inf, RAMP), np.float32), "not finite"),
        (Image.new("RGBA", (4, 2), (9, 9, 9, 0)), "fully transparent"),
        (Image.new("LA", (4, 2), (9, 0)), "fully transparent"),
    ],
)
def test_values_that_no_range_explains_are_refused(tmp_path, image, why):
    image.save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=why):
        decode_rgb(tmp_path / "a.tif")


def test_12_of_16_bits_of_colour_are_refused(tmp_path):
    dark = np.full((48, 64, 3), 4095, dtype=">u2")
    (tmp_path / "a.png").write_bytes(png(64, 48, 16, 2, dark))
    with pytest.raises(InputError, match="lower 12 bits"):
        decode_rgb(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"not an image", "not an image"),
        (b"\xff\xd8\xff\xe0 truncated", "cannot be decoded"),
        (b"\xff\xd8", "not an image"),
        (b"\n<!DOCTYPE html><html>404", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC; save it as JPEG or PNG"),
        (b"\0\0\0\x1cftypavif" + bytes(100), "AVIF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "cannot be decoded"),
        (b"II*\0\xff\xff\xff\x7f" + bytes(40), "cannot be decoded"),
        (b"GIF89a" + b"\xff" * 40, "cannot be decoded"),
        (b"BM" + b"\xff" * 60, "cannot be decoded"),
        (b"RIFF\xff\0\0\0WEBPVP8 " + b"\xff" * 60, "cannot be decoded"),
    ],
)
def test_no_image(tmp_path, content, why):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match=why):
        decode_rgb(tmp_path / "a.jpg")


@pytest.mark.parametrize("error", [RuntimeError("bad item"), struct.error("short"), MemoryError(), IndexError(1)])
def test_whatever_a_decoder_raises_names_the_file(tmp_path, monkeypatch, error):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")

    def fail(*_):
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(InputError, match=r"a\.png.*\n.*cannot be decoded: \w"):
        decode_rgb(tmp_path / "a.png")


def test_damaged_images_are_unreadable_and_nothing_else(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a.jpg", "a.png", "a.gif", "a.tif", "a.bmp", "a.webp"):
        Image.effect_noise((24, 24), 50).convert("RGB").save(tmp_path / name)
        whole = np.frombuffer((tmp_path / name).read_bytes(), dtype=np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[random.integers(0, len(whole), 6)] = random.integers(0, 256, 6)
            (tmp_path / name).write_bytes(damaged[: random.integers(1, len(whole) + 1)].tobytes())
            with suppress(InputError):
                assert decode_rgb(tmp_path / name).mode == "RGB"


def test_truncated(tmp_path):
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:400])
    with pytest.raises(InputError, match="truncated"):
        decode_rgb(tmp_path / "a.jpg")


def test_a_pipe_or_folder_is_no_image_and_no_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("pipe.jpg", ".", "gone.jpg"):
        with pytest.raises(InputError, match=r"plain file|No such file"):
            decode_rgb(tmp_path / name)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, kind, pixels):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_decompression_bomb(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png(side, side, 8, 2, np.zeros((1, 1000), dtype=np.uint8)))
    with pytest.raises(InputError, match=r"pixels|decompression bomb"):
        decode_rgb(tmp_path / "bomb.png")


def test_the_kind_of_an_image_is_told_by_its_first_bytes(tmp_path):
    for name, kind in (
        ("a.jpg", "JPEG"),
        ("a.png", "PNG"),
        ("a.webp", "WebP"),
        ("a.tif", "TIFF"),
        ("a.bmp", "BMP"),
    ):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
        assert kind_of((tmp_path / name).read_bytes()) == kind
    assert kind_of(bytes(128) + b"DICM") == "DICOM"
    assert kind_of(b"image_id,label") is None
