"""Ray casting by Embree's C interface, from the library that the `embreex` wheel carries.

embreex's own Python interface copies triangles number by number, which took longer than all rays of
a picture. Legend: V vertices, T triangles, N rays, P packets of 16 rays.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np

LANES = 16  # rays of a packet
CHUNK = 128  # packets that are filled, cast and read together: small enough for the cache
# fields of RTCRayHit16, each of LANES numbers; the two after GROUP tell of instances, here unused
ORIGIN, DIRECTION, ACROSS = slice(0, 3), slice(4, 7), (12, 13, 14)
FAR, MASK, U, V, TRIANGLE, GROUP, FIELDS = 8, 9, 15, 16, 17, 18, 21
_TRIANGLES, _INDICES, _VERTICES, _UINT3, _FLOAT3 = 0, 0, 1, 0x5003, 0x9003  # enumerations of Embree
_NONE = 0xFFFFFFFF
_POINTER, _UINT, _SIZE = ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t
_FUNCTIONS = {
    "rtcNewDevice": (_POINTER, [ctypes.c_char_p]),
    "rtcNewScene": (_POINTER, [_POINTER]),
    "rtcNewGeometry": (_POINTER, [_POINTER, _UINT]),
    "rtcSetSharedGeometryBuffer": (
        None, [_POINTER, _UINT, _UINT, _UINT, _POINTER, _SIZE, _SIZE, _SIZE]
    ),
    "rtcSetGeometryMask": (None, [_POINTER, _UINT]),
    "rtcCommitGeometry": (None, [_POINTER]),
    "rtcAttachGeometryByID": (None, [_POINTER, _POINTER, _UINT]),
    "rtcReleaseGeometry": (None, [_POINTER]),
    "rtcCommitScene": (None, [_POINTER]),
    "rtcReleaseScene": (None, [_POINTER]),
    "rtcGetDeviceError": (_UINT, [_POINTER]),
    "rtcIntersect16": (None, [_POINTER] * 4),
    "rtcOccluded16": (None, [_POINTER] * 4),
}  # fmt: skip


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """Embree 4 with the types of its functions, and a device of one thread.

    Raises:
        ImportError: if there is no embreex, or not with a library of Embree 4 beside it.
    """
    found = importlib.util.find_spec("embreex")
    if found is None or found.origin is None:
        raise ImportError("rendering needs Embree: pip install embreex")
    package = Path(found.origin).parent
    folders = (package.parent / "embreex.libs", package / ".dylibs", package)
    paths = [path for folder in folders for path in sorted(folder.glob("*embree4*"))]
    if not paths:
        raise ImportError(f"no library of Embree 4 beside '{package}'; install embreex's wheel.")
    library = ctypes.CDLL(str(paths[0]))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library, library.rtcNewDevice(b"threads=1")


class Caster:
    """Groups of triangles that rays may meet; a ray asks for some of the groups.

    Args:
        vertices: (V, 3) float32.
        groups: up to 32 arrays (T, 3) int32 of indices, perhaps empty.

    Raises:
        ImportError: without Embree.
        RuntimeError: if Embree refuses, for want of memory.
    """

    def __init__(self, vertices: np.ndarray, groups: list[np.ndarray]) -> None:
        library, device = _library()
        # Embree reads 16 bytes where the last vertex has 12
        self._vertices = np.zeros((len(vertices) + 1, 3), np.float32)
        self._vertices[:-1] = vertices
        self._groups = [np.ascontiguousarray(faces, np.int32) for faces in groups]
        self._first = np.cumsum([0, *map(len, groups)])
        self._library, self._scene = library, library.rtcNewScene(device)
        for number, faces in enumerate(self._groups):
            if not len(faces):
                continue
            shape = library.rtcNewGeometry(device, _TRIANGLES)
            for kind, form, data, count in (
                (_VERTICES, _FLOAT3, self._vertices, len(vertices)),
                (_INDICES, _UINT3, faces, len(faces)),
            ):
                library.rtcSetSharedGeometryBuffer(
                    shape, kind, 0, form, data.ctypes.data, 0, 12, count
                )
            library.rtcSetGeometryMask(shape, 1 << number)
            library.rtcCommitGeometry(shape)
            library.rtcAttachGeometryByID(self._scene, shape, number)
            library.rtcReleaseGeometry(shape)
        library.rtcCommitScene(self._scene)
        if error := library.rtcGetDeviceError(device):
            raise RuntimeError(f"Embree's error {error} on {self._first[-1]} triangles.")

    def __del__(self) -> None:
        if hasattr(self, "_scene"):
            self._library.rtcReleaseScene(self._scene)

    def first_hit(
        self, origin: np.ndarray, direction: np.ndarray, groups: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What rays meet first.

        Args:
            origin, direction: (3, N) float32.
            groups: bit g is set if group g counts.

        Returns:
            Numbers (N,) int64 of triangles counted through all groups, -1 where nothing is met;
            ray parameters (N,) float32; (5, N) float32: the weights of the second and third corner,
            and the triangle's normal, as long as twice its area. `inf` and 0 without a hit.
        """
        count = origin.shape[1]
        triangle, t = np.empty(count, np.int64), np.empty(count, np.float32)
        rest = np.empty((5, count), np.float32)
        for here, packets in self._cast(origin, direction, np.inf, groups, occluded=False):
            size = here.stop - here.start

            def read(field: int, packets: np.ndarray = packets, size: int = size) -> np.ndarray:
                return packets[:, field].reshape(-1)[:size]

            group = read(GROUP).view(np.uint32)
            met = group != _NONE
            number = read(TRIANGLE).view(np.uint32) + self._first[np.where(met, group, 0)]
            triangle[here] = np.where(met, number, -1)
            t[here] = np.where(met, read(FAR), np.inf)
            for row, field in enumerate((U, V, *ACROSS)):
                rest[row, here] = np.where(met, read(field), 0)
        return triangle, t, rest

    def is_free(
        self, origin: np.ndarray, direction: np.ndarray, far: float, groups: int
    ) -> np.ndarray:
        """(N,) bool: do rays (3, N) meet nothing of some groups up to the parameter `far`?"""
        free = np.empty(origin.shape[1], bool)
        for here, packets in self._cast(origin, direction, far, groups, occluded=True):
            free[here] = packets[:, FAR].reshape(-1)[: here.stop - here.start] >= 0
        return free

    def _cast(self, origin: np.ndarray, direction: np.ndarray, far: float, groups: int,
              occluded: bool):  # fmt: skip
        """Yields slices of the rays and their packets (P, FIELDS, LANES) after casting."""
        count = origin.shape[1]
        cast = self._library.rtcOccluded16 if occluded else self._library.rtcIntersect16
        memory = np.zeros(CHUNK * FIELDS * LANES + LANES, np.float32)
        gap = -memory.ctypes.data % 64 // 4  # packets start at multiples of 64 bytes
        packets = memory[gap : gap + CHUNK * FIELDS * LANES].reshape(CHUNK, FIELDS, LANES)
        whole = packets.view(np.uint32)
        whole[:, MASK] = groups
        valid = np.full(2 * LANES, -1, np.int32)
        valid = valid[-valid.ctypes.data % 64 // 4 :][:LANES]
        start, stride, lanes = packets.ctypes.data, FIELDS * LANES * 4, valid.ctypes.data
        for first in range(0, count, CHUNK * LANES):
            here = slice(first, min(first + CHUNK * LANES, count))
            size = here.stop - first
            full, left = divmod(size, LANES)
            for target, source in ((ORIGIN, origin), (DIRECTION, direction)):
                rays = source[:, here]
                packets[:full, target] = (
                    rays[:, : full * LANES].reshape(3, full, LANES).swapaxes(0, 1)
                )
                if left:
                    packets[full, target, :left] = rays[:, full * LANES :]
            packets[:, FAR], whole[:, GROUP] = far, _NONE
            for at in range(start, start + full * stride, stride):
                cast(lanes, self._scene, at, None)
            if left:
                valid[left:] = 0
                cast(lanes, self._scene, start + full * stride, None)
            yield here, packets[: full + bool(left)]
