"""Photos: upright, 8-bit sRGB, or a clear refusal."""

import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps

from depthart.images import MAX_PIXELS, Photo, open_photo

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners(width=40, height=24):
    """Red upper left, green upper right, blue lower left, white lower right."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2], rgb[: height // 2, width // 2 :] = RED, GREEN
    rgb[height // 2 :, : width // 2], rgb[height // 2 :, width // 2 :] = BLUE, WHITE
    return rgb


def bomb_png(path, side=20_000):
    """A PNG whose header promises side x side pixels, with one byte of data."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(data))
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_ends_upright(tmp_path, orientation):
    stored = Image.fromarray(corners())
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # stored lies 90 degrees counter-clockwise of upright
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    if orientation in inverse:
        stored = stored.transpose(inverse[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)

    photo = open_photo(tmp_path / "photo.png")

    assert np.array_equal(photo.rgb, corners())


def test_a_pil_image_is_turned_too_and_only_once():
    image = Image.fromarray(corners())
    image.getexif()[ExifTags.Base.Orientation] = 3
    assert np.array_equal(open_photo(image).rgb, corners()[::-1, ::-1])
    assert np.array_equal(open_photo(ImageOps.exif_transpose(image)).rgb, corners()[::-1, ::-1])


@pytest.mark.parametrize(("written", "read"), [(26, 26.0), (0, None), (None, None)])
def test_focal_length_of_the_exif_block(tmp_path, written, read):
    exif = Image.Exif()
    if written is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = written
    Image.fromarray(corners()).save(tmp_path / "photo.jpg", exif=exif)
    photo = open_photo(str(tmp_path / "photo.jpg"))
    assert photo.focal_35mm == read
    assert photo.name == "photo"


def test_damaged_exif_does_not_cost_the_photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(corners()).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xffjunk")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = open_photo(path)
    assert photo.focal_35mm is None
    assert photo.rgb.shape == (24, 40, 3)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA", "CMYK", "YCbCr", "HSV"])
def test_modes_keep_black_and_white(mode):
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, 10:] = 255
    rgb = open_photo(Image.fromarray(pixels).convert(mode)).rgb
    assert rgb.dtype == np.uint8
    assert np.array_equal(rgb, pixels)


def test_cmyk_jpeg(tmp_path):
    Image.fromarray(corners()).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    rgb = open_photo(tmp_path / "print.jpg").rgb
    assert np.abs(rgb[4, 4].astype(int) - RED).max() < 30
    assert np.abs(rgb[20, 36].astype(int) - WHITE).max() < 10


def test_transparency_lies_on_white(tmp_path):
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:, 3] = 255  # black, transparent on the left
    expected = np.where(rgba[..., 3:] > 0, 0, 255) * np.ones(3, int)
    assert np.array_equal(open_photo(rgba).rgb, expected)
    assert np.array_equal(open_photo(Image.fromarray(rgba)).rgb, expected)
    palette = Image.fromarray((rgba[..., 3] // 255).astype(np.uint8))
    palette.putpalette([9, 9, 9, 0, 0, 0])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert np.array_equal(open_photo(tmp_path / "palette.png").rgb, expected)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    gray = np.full((20, 20), 128 * 257, np.uint16)
    gray[:, 10:] = 65535
    Image.fromarray(gray).save(tmp_path / "gray.png")
    for photo in (open_photo(tmp_path / "gray.png"), open_photo(gray)):
        assert photo.rgb[0, 0].tolist() == [128] * 3
        assert photo.rgb[0, 19].tolist() == [255] * 3
    color = np.repeat(gray[..., None], 3, axis=2)
    assert open_photo(color).rgb[0, 0].tolist() == [128] * 3


def test_sixteen_bit_color_png(tmp_path):
    side = 20
    row = b"\0" + struct.pack(">3H", 0x8080, 0, 0xFFFF) * side

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)
    assert np.all(open_photo(tmp_path / "deep.png").rgb == (0x80, 0, 0xFF))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_float_arrays_span_zero_to_one(dtype):
    ramp = np.linspace(0, 1, 256).reshape(16, 16).astype(dtype)
    rgb = open_photo(ramp).rgb
    assert np.abs(rgb[..., 0].ravel().astype(int) - np.arange(256)).max() <= 1
    assert np.array_equal(open_photo(ramp[..., None]).rgb, rgb)


def test_a_photo_passes_and_an_array_is_not_shared():
    array = corners()
    photo = open_photo(array)
    array[:] = 0
    assert np.array_equal(photo.rgb, corners())
    assert open_photo(photo) is photo
    assert photo.name == "image"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((20, 20, 3), np.nan), "NaN"),
        (np.full((20, 20, 3), np.inf, np.float32), "infinite"),
        (np.full((20, 20, 3), 255.0), r"\[0, 1\]"),
        (np.full((20, 20), -0.1), r"\[0, 1\]"),
        (np.zeros((20, 20, 3), np.int64), "uint8, uint16 or float"),
        (np.zeros((20, 20), bool), "uint8, uint16 or float"),
        (np.zeros((3, 20, 20), np.uint8), "channels come last"),
        (np.zeros((1, 20, 20, 3), np.uint8), "no batch axis"),
        (np.zeros(400, np.uint8), "shape"),
        (np.zeros((1, 1, 3), np.uint8), "at least 16"),
        (np.zeros((0, 20, 3), np.uint8), "at least 16"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)), "million pixels"),
    ],
)
def test_bad_arrays_are_refused(array, message):
    with pytest.raises(ValueError, match=message):
        open_photo(array)


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="torch.Tensor"):
        open_photo(torch.zeros(3, 20, 20))


def test_missing_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.jpg"):
        open_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        open_photo(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ValueError, match="empty"):
        open_photo(tmp_path / "empty.jpg")


def test_not_an_image(tmp_path):
    (tmp_path / "note.jpg").write_text("dear diary")
    with pytest.raises(ValueError, match="not an image"):
        open_photo(tmp_path / "note.jpg")


def test_postscript_is_not_run(tmp_path):
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")
    with pytest.raises(ValueError, match="not an image"):
        open_photo(tmp_path / "page.eps")


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "gif"])
def test_truncated(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"photo.{kind}"
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="truncated or damaged|not an image"):
        open_photo(path)


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    with pytest.raises(ValueError, match="1 x 1 pixels; at least 16"):
        open_photo(tmp_path / "dot.png")


def test_sixteen_pixels_are_enough():
    assert open_photo(np.zeros((16, 16), np.uint8)).rgb.shape == (16, 16, 3)


@pytest.mark.parametrize("side", [10_955, 13_000, 20_000])
def test_too_large_is_refused_by_its_header(tmp_path, side):
    """10,955 squared is just above our limit; PIL warns above 89 and refuses above 179 million."""
    assert 10_954**2 < MAX_PIXELS < 10_955**2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="more than 120 million pixels"):
            open_photo(bomb_png(tmp_path / "wide.png", side))


def test_no_pil_warning_below_our_limit(tmp_path):
    """Between PIL's limit and ours the file is tried; this one then turns out to be truncated."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="truncated or damaged"):
            open_photo(bomb_png(tmp_path / "large.png", 10_000))


def test_heic(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(corners(64, 64))).save(tmp_path / "photo.heic", quality=95)
    rgb = open_photo(tmp_path / "photo.heic").rgb
    assert np.abs(rgb[8, 8].astype(int) - RED).max() < 30


def test_heic_without_its_package(tmp_path, monkeypatch):
    (tmp_path / "photo.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImportError, match="pip install pillow-heif"):
        open_photo(tmp_path / "photo.HEIC")


def test_a_photo_checks_itself():
    with pytest.raises(ValueError, match="uint8 of shape"):
        Photo(np.zeros((20, 20), np.uint8))
    with pytest.raises(ValueError, match="at least 16"):
        Photo(np.zeros((20, 2, 3), np.uint8))


def test_opening_a_photo_does_not_import_torch():
    code = (
        "import sys, numpy as np; from depthart.images import open_photo;"
        "open_photo(np.zeros((20, 20), np.uint8)); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
