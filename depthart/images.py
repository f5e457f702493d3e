"""Photos: open any picture upright as sRGB, resize it for the model, resize depth back.

Letters: H, W height and width of the photo · s side of the model's square picture.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    import torch

MIN_SIDE = 16
MAX_PIXELS = 120_000_000
HEIC_SUFFIXES = (".heic", ".heif")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
# Only raster formats that PIL decodes by itself: EPS, for one, would start a foreign program.
_FORMATS = ["JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF", "JPEG2000", "HEIF"]


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture as its photographer saw it.

    Attributes:
        rgb: (H, W, 3) uint8, sRGB, upright (EXIF orientation applied).
        focal_35mm: Focal length in mm on 35 mm film, from the EXIF data; None when unknown.
        name: File name without folder and suffix, or "image".
    """

    rgb: np.ndarray
    focal_35mm: float | None = None
    name: str = "image"

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(
                f"Photo.rgb must be uint8 of shape (H, W, 3), got {self.rgb.dtype}"
                f" {self.rgb.shape}; open_photo() converts other pictures."
            )
        _check_size(self.width, self.height, f"the picture {self.name!r}")

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.rgb.shape[1]


PhotoSource = str | Path | Image.Image | np.ndarray | Photo


def open_photo(source: PhotoSource) -> Photo:
    """Open a picture upright, as 8-bit sRGB.

    Transparency is laid on white, an animation gives its first frame, colour profiles are ignored.

    Args:
        source: A path, a PIL image, or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8,
            uint16 or float in [0, 1]. A Photo is returned as it is.

    Raises:
        FileNotFoundError: The path does not exist.
        ValueError: Not a picture, damaged, smaller than 16 pixels on a side, more than 120 million
            pixels, NaN or infinite values, or an array of another shape, type or range.
        ImportError: A HEIC file while pillow-heif is not installed.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return Photo(_array_to_rgb(source, "the array"))
    if isinstance(source, Image.Image):
        return _from_pil(source, Path(getattr(source, "filename", "") or "image").stem, "the image")
    if isinstance(source, (str, Path)):
        return _open_file(Path(source))
    raise ValueError(
        "an image must be a path, a PIL image, a numpy array or a Photo,"
        f" got {type(source).__module__}.{type(source).__name__}."
    )


def to_model_input(photo: Photo, side: int = 256) -> torch.Tensor:
    """Squash a photo to the model's square.

    Bicubic whose support grows with the reduction (antialiased): large photos leave no moiré.

    Returns:
        (1, 3, side, side) float32 in [-1, 1].
    """
    import torch

    small = Image.fromarray(photo.rgb).resize((side, side), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)  # (3, s, s)
    return pixels[None].float() / 127.5 - 1


def resize_depth(depth: torch.Tensor | np.ndarray, height: int, width: int) -> np.ndarray:
    """Stretch a depth map to the photo's size.

    Bicubic as in the reference; bicubic overshoots at steps, so the result is clipped to the range
    of the input. Antialiased where it shrinks.

    Args:
        depth: (s, s) or any (h, w).

    Returns:
        (height, width) float32.
    """
    import torch
    import torch.nn.functional as F

    small = torch.as_tensor(depth).detach().to("cpu", torch.float32)
    if small.ndim != 2:
        raise ValueError(
            f"a depth map has two axes (height, width), got shape {tuple(small.shape)}."
        )
    if small.shape == (height, width):
        return small.numpy().copy()
    shrinks = height < small.shape[0] or width < small.shape[1]
    large = F.interpolate(
        small[None, None], (height, width), mode="bicubic", align_corners=False, antialias=shrinks
    )
    return large[0, 0].clamp_(small.min(), small.max()).numpy()


def _open_file(path: Path) -> Photo:
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; an image file was expected.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (0 bytes).")
    if path.suffix.lower() in HEIC_SUFFIXES:
        _register_heic(path)
    with warnings.catch_warnings():
        # PIL's warnings are of its own pixel limit, which ours replaces, and of damaged metadata.
        warnings.simplefilter("ignore")
        with _identify(path) as image:
            return _from_pil(image, path.stem, str(path))


def _identify(path: Path) -> Image.Image:
    """Read the header."""
    try:
        return Image.open(path, formats=_known_formats())
    except Image.DecompressionBombError:
        raise ValueError(_too_large(str(path))) from None
    except UnidentifiedImageError:
        raise ValueError(
            f"{path} is not an image that can be read (JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF,"
            " JPEG 2000, and HEIC with pillow-heif)."
        ) from None
    except OSError as error:
        if error.errno is not None:  # of the file system, such as missing rights
            raise
        raise ValueError(f"{path} is truncated or damaged: {error}") from error


def _from_pil(image: Image.Image, name: str, what: str) -> Photo:
    """Decode, turn upright and convert; the header's size is checked before any pixel is read."""
    _check_size(*image.size, what)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise ValueError(f"{what} is truncated or damaged: {error}") from error
    focal = _focal_35mm(image)
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001, S110 - damaged EXIF data must not cost the photo
        pass
    return Photo(_pil_to_rgb(image, what), focal, name)


def _pil_to_rgb(image: Image.Image, what: str) -> np.ndarray:
    if image.mode.startswith("I;16"):
        return _array_to_rgb(np.asarray(image).astype(np.uint16), what)
    if image.mode == "I" and image.format == "PNG":  # a PNG has at most 16 bits per channel
        return _array_to_rgb(np.asarray(image).astype(np.uint16), what)
    if image.mode == "I":
        raise ValueError(
            f"{what} has 32-bit integer pixels, whose white is not defined; convert it to 8 or 16"
            " bits."
        )
    if image.mode == "F":
        return _array_to_rgb(np.asarray(image), what)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _array_to_rgb(array: np.ndarray, what: str) -> np.ndarray:
    """(H, W[, 1 | 3 | 4]) of uint8, uint16 or float in [0, 1] -> (H, W, 3) uint8."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"{what} must have shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {array.shape};"
            " channels come last and there is no batch axis."
        )
    _check_size(array.shape[1], array.shape[0], what)
    if array.dtype == np.uint8:
        unit = None
    elif array.dtype == np.uint16:
        unit = array.astype(np.float32) / 65535
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise ValueError(f"{what} holds NaN or infinite values; pixels must be finite.")
        if array.min() < 0 or array.max() > 1:
            raise ValueError(
                f"{what} has float values from {array.min():.4g} to {array.max():.4g}; float pixels"
                " must lie in [0, 1] (divide by 255, or pass uint8)."
            )
        unit = array.astype(np.float32)
    else:
        raise ValueError(f"{what} must be uint8, uint16 or float in [0, 1], got {array.dtype}.")
    pixels = array if unit is None else (unit * 255 + 0.5).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 4:
        return _pil_to_rgb(Image.fromarray(pixels), what)
    return np.array(pixels, order="C")  # a copy: the caller may go on drawing into his


def _check_size(width: int, height: int, what: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise ValueError(
            f"{what} has {width} x {height} pixels; at least {MIN_SIDE} on each side are needed."
        )
    if width * height > MAX_PIXELS:
        raise ValueError(_too_large(f"{what} ({width} x {height})"))


def _too_large(what: str) -> str:
    millions = MAX_PIXELS // 10**6
    return f"{what} has more than {millions} million pixels, the limit; make it smaller first."


def _focal_35mm(image: Image.Image) -> float | None:
    """FocalLengthIn35mmFilm of the Exif block, in mm; 0 is how cameras write "unknown"."""
    try:
        exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
        focal = float(exif.get(ExifTags.Base.FocalLengthIn35mmFilm) or 0)
    except Exception:  # noqa: BLE001 - damaged EXIF data must not cost the photo
        return None
    return focal if 1 <= focal <= 10_000 else None


def _register_heic(path: Path) -> None:
    try:
        import pillow_heif
    except ImportError:
        raise ImportError(
            f"{path} is a HEIC photo; reading it needs `pip install pillow-heif` (or save it as"
            " JPEG)."
        ) from None
    pillow_heif.register_heif_opener()


def _known_formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]
