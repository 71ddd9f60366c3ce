import struct
import zlib

import pytest
from PIL import Image

from dermbench.artifacts.images import decode_rgb
from dermbench.errors import InputError


def test_upright_rgb(tmp_path):
    image = Image.new("L", (4, 2), 7)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    decoded = decode_rgb(tmp_path / "a.jpg")
    assert decoded.size == (2, 4)
    assert decoded.mode == "RGB"


def test_draft_is_never_smaller_than_asked(tmp_path):
    Image.new("RGB", (800, 600)).save(tmp_path / "a.jpg")
    assert min(decode_rgb(tmp_path / "a.jpg", draft=128).size) >= 128


@pytest.mark.parametrize("content", [b"", b"not an image", b"\xff\xd8\xff\xe0 truncated"])
def test_no_image(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match="cannot be decoded"):
        decode_rgb(tmp_path / "a.jpg")


def test_truncated(tmp_path):
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:400])
    with pytest.raises(InputError, match="truncated"):
        decode_rgb(tmp_path / "a.jpg")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_decompression_bomb(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(InputError, match=r"pixels|decompression bomb"):
        decode_rgb(tmp_path / "bomb.png")
