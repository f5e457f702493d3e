"""The binary glTF 2.0 container, as far as coloured points and one textured mesh need it.

Written by hand because COLOR_0 is linear in glTF: 8 bits of linear colour band in the shadows, 16
do not, and the usual writers store 8-bit sRGB bytes unchanged.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

_POINTS, _TRIANGLES = 0, 4
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_COMPONENT = {"float32": 5126, "uint32": 5125, "uint16": 5123}
_ELEMENT = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


def srgb_to_linear16(rgb: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 sRGB -> (N, 4) uint16 linear RGB with full alpha (IEC 61966-2-1)."""
    srgb = np.arange(256) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    table = (linear * 65535).round().astype(np.uint16)
    colors = np.full((len(rgb), 4), 65535, np.uint16)  # four channels keep elements 4-byte aligned
    colors[:, :3] = table[rgb]
    return colors


def points_glb(xyz: np.ndarray, rgb: np.ndarray, extras: dict[str, Any]) -> bytes:
    """A point cloud. xyz: (N, 3) float32, y up; rgb: (N, 3) uint8 sRGB."""
    glb = _Builder(extras)
    attributes = {
        "POSITION": glb.accessor(xyz.astype(np.float32), bounds=True),
        "COLOR_0": glb.accessor(srgb_to_linear16(rgb), normalized=True),
    }
    return glb.finish({"attributes": attributes, "mode": _POINTS}, {})


def mesh_glb(
    xyz: np.ndarray, uv: np.ndarray, faces: np.ndarray, jpeg: bytes, extras: dict[str, Any]
) -> bytes:
    """A textured mesh.

    Args:
        xyz: (N, 3) float32, y up.
        uv: (N, 2) float32, origin at the texture's upper left corner.
        faces: (M, 3) vertex indices, counter-clockwise from the front.
        jpeg: The texture file.
        extras: Free metadata.
    """
    glb = _Builder(extras)
    attributes = {
        "POSITION": glb.accessor(xyz.astype(np.float32), bounds=True),
        "TEXCOORD_0": glb.accessor(uv.astype(np.float32)),
    }
    indices = glb.accessor(faces.astype(np.uint32).reshape(-1, 1), target=_ELEMENT_BUFFER)
    image = glb.buffer_view(jpeg)
    textures = {
        "images": [{"bufferView": image, "mimeType": "image/jpeg"}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "textures": [{"source": 0, "sampler": 0}],
    }
    return glb.finish({"attributes": attributes, "indices": indices, "mode": _TRIANGLES}, textures)


class _Builder:
    """Collects buffer views and accessors, then joins them with their JSON."""

    def __init__(self, extras: dict[str, Any]) -> None:
        self.extras = extras
        self.chunks: list[bytes] = []
        self.size = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def buffer_view(self, data: bytes, target: int | None = None) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        padded = data + b"\0" * (-len(data) % 4)
        self.chunks.append(padded)
        self.size += len(padded)
        return len(self.views) - 1

    def accessor(
        self,
        array: np.ndarray,
        bounds: bool = False,
        normalized: bool = False,
        target: int = _ARRAY_BUFFER,
    ) -> int:
        """Add an (N, C) array; `bounds` writes its minimum and maximum, which positions need."""
        accessor: dict[str, Any] = {
            "bufferView": self.buffer_view(np.ascontiguousarray(array).tobytes(), target),
            "componentType": _COMPONENT[array.dtype.name],
            "count": len(array),
            "type": _ELEMENT[array.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor["min"], accessor["max"] = array.min(0).tolist(), array.max(0).tolist()
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def finish(self, primitive: dict[str, Any], textures: dict[str, Any]) -> bytes:
        # Unlit: a photo holds its own light. Viewers without the extension get a matt surface.
        surface: dict[str, Any] = {"metallicFactor": 0, "roughnessFactor": 1}
        if textures:
            surface["baseColorTexture"] = {"index": 0}
        document = {
            "asset": {"version": "2.0", "generator": "depthart", "extras": self.extras},
            "extensionsUsed": ["KHR_materials_unlit"],
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{**primitive, "material": 0}]}],
            "materials": [
                {
                    "pbrMetallicRoughness": surface,
                    "extensions": {"KHR_materials_unlit": {}},
                    "doubleSided": True,
                }
            ],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self.size}],
            **textures,
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self.size
        header = struct.pack("<4sII", b"glTF", 2, total)
        return b"".join(
            [header, struct.pack("<I4s", len(text), b"JSON"), text]
            + [struct.pack("<I4s", self.size, b"BIN\0"), *self.chunks]
        )
