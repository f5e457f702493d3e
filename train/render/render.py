"""Seeds in, pictures with exact depth out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.render import looks, materials
from train.render.camera import camera_rays, intrinsics_of
from train.render.lighting import Surface, illuminate
from train.render.post import develop, sample_post
from train.render.primitives import BOX, FRUSTUM, local_normal
from train.render.rooms import build_room
from train.render.scene import Packed, Scene, pack
from train.render.textures import photo_paths
from train.render.trace import TILE, length, trace_camera
from train.render.views import place_camera

RENDERER_VERSION = 1
PHOTO_SLOTS = 10  # photos that a scene may use
MAX_LIGHTS = 12  # more than any scene has; fixes how much noise a seed draws
STYLES = {"room": 0.42, "tabletop": 0.36, "corridor": 0.08, "hall": 0.14}


@dataclass
class RenderedBatch:
    """Pictures and what is true about them. B pictures of H x W pixels.

    Attributes:
        image: (B, 3, H, W) uint8 sRGB.
        depth_m: (B, H, W) float32 z-depth in metres, 0 where no surface is.
        normal: (B, 3, H, W) float32 unit vectors in the camera frame (x right, y down, z forward),
            facing the camera; 0 where no surface is.
        plane_id: (B, H, W) int16, 0 on curved and small things, else a number 1..255 for each wall,
            floor, ceiling or table top of the picture.
        intrinsics: (B, 4) float32 fx, fy, cx, cy in pixels, pixel centres at +0.5.
    """

    image: Tensor
    depth_m: Tensor
    normal: Tensor
    plane_id: Tensor
    intrinsics: Tensor


def make_scene(seed: int, photos: str | Path | None = None) -> Scene:
    """The scene of one seed with its camera; `photos` only says that photos will be there."""
    rng = np.random.default_rng([seed, RENDERER_VERSION])
    scene = Scene(rng, photos=PHOTO_SLOTS if photos is not None else 0)
    style = str(rng.choice(list(STYLES), p=list(STYLES.values())))
    room = build_room(scene, style)
    scene.pose = place_camera(scene, room)
    # ambient light stands for what bounces around: a share of the light the lamps give
    middle = np.array([room.width / 2, room.depth / 2, 0.7])
    direct = sum(
        light.colour / max(float(((light.position - middle) ** 2).sum()), 0.5)
        for light in scene.lights
        if not light.outside
    )
    colour = looks.hsv(rng.random(), rng.uniform(0, 0.2), 1)
    scene.ambient = (np.mean(direct) * 0.7 + direct * 0.3) * colour * rng.uniform(0.25, 1.2)
    scene.post = sample_post(rng)
    return scene


def check_request(seeds: Sequence[int], size: int, photos: str | Path | None) -> None:
    """Complain about what `render_batch` cannot render.

    Raises:
        ValueError: on an empty list, a negative seed or a wrong size.
        FileNotFoundError: if `photos` is no folder with photos.
    """
    if not len(seeds) or min(seeds) < 0:
        raise ValueError("give at least one seed, and only non-negative ones.")
    if size < TILE or size % TILE:
        raise ValueError(f"the size must be a positive multiple of {TILE} pixels, got {size}.")
    if photos is not None:
        photo_paths(str(photos))


def render_batch(
    seeds: Sequence[int],
    size: int = 256,
    device: torch.device | str = "cpu",
    photos: str | Path | None = None,
) -> RenderedBatch:
    """Render the scenes of some seeds.

    Args:
        seeds: non-negative integers; the same seed gives the same picture.
        size: side of the square pictures in pixels, a multiple of 8.
        device: where to cast the rays.
        photos: folder of photos for textures; None uses procedural textures only.

    Raises:
        ValueError: on an empty list, a negative seed or a wrong size.
        FileNotFoundError: if `photos` is no folder with photos.
    """
    check_request(seeds, size, photos)
    scenes = [make_scene(int(seed), photos) for seed in seeds]
    return render_scenes(scenes, seeds, size, device, photos)


def render_scenes(
    scenes: list[Scene],
    seeds: Sequence[int],
    size: int,
    device: torch.device | str = "cpu",
    photos: str | Path | None = None,
) -> RenderedBatch:
    """Render finished scenes, each with its camera; the seeds only fix the noise."""
    packed = pack(scenes, photos, device)
    intrinsics = intrinsics_of([s.pose for s in scenes], size).to(device)
    count = 2 + 2 * packed.light_position.shape[1]
    uniform, normal = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(int(seed))
        normal.append(torch.randn(3, size, size, generator=generator))
        uniform.append(torch.rand(2 + 2 * MAX_LIGHTS, size, size, generator=generator)[:count])
    uniform, normal = torch.stack(uniform).to(device), torch.stack(normal).to(device)
    with torch.no_grad():
        return _render(packed, scenes, intrinsics, size, uniform, normal)


def _render(
    packed: Packed,
    scenes: list[Scene],
    intrinsics: Tensor,
    size: int,
    uniform: Tensor,
    gauss: Tensor,
) -> RenderedBatch:
    """Trace, shade and develop.

    Args:
        packed, scenes: the scenes, B of them.
        intrinsics: (B, 4).
        size: H = W.
        uniform: (B, 2 + 2 L, H, W) in 0..1, for shadow rays to L lights.
        gauss: (B, 3, H, W) standard normal, for the sensor's noise.
    """
    b = len(scenes)
    rays = torch.einsum("bij,bjhw->bihw", packed.turn, camera_rays(intrinsics, size))
    depth, index = trace_camera(packed.shapes, packed.origin, rays)
    hit = torch.isfinite(depth)
    depth = torch.where(hit, depth, 0.0)
    point = packed.origin[:, :, None, None] + rays * depth[:, None]

    # everything below works on a flat list of N = B * H * W pixels
    scene = torch.arange(b, device=depth.device).view(b, 1, 1).expand_as(index)
    k = (scene * packed.shapes.kind.shape[1] + index).flatten()
    kind = packed.shapes.kind.flatten()[k]
    half = packed.shapes.half.view(-1, 3)[k]
    turn = packed.rotation.view(-1, 3, 3)[k]
    centre = packed.shapes.centre.view(-1, 3)[k]
    world = point.permute(0, 2, 3, 1).reshape(-1, 3)
    metres = torch.einsum("nji,nj->ni", turn, world - centre)
    local, face = local_normal(kind, metres / half, half, packed.shapes.shape.view(-1, 3)[k])
    normal = torch.einsum("nij,nj->ni", turn, local / half)
    normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-12)
    view = rays / length(rays, 1, keepdim=True)
    view_flat = view.permute(0, 2, 3, 1).reshape(-1, 3)
    back = (normal * view_flat).sum(1, keepdim=True) > 0
    normal = torch.where(back, -normal, normal)
    plane = packed.planes.view(-1, 7)[k, face]

    cosine = (normal * view_flat).sum(1).abs().clamp_min(0.1)
    focal = intrinsics[:, :1].expand(b, size * size).flatten()
    footprint = depth.flatten() / focal / cosine
    rows = packed.rows.view(-1, materials.COLUMNS)[k]
    uv, fit = _surface_coordinates(kind, face, metres, half, turn, centre)
    colour = materials.albedo(rows, uv, fit, footprint, packed.bank)

    def picture(x: Tensor) -> Tensor:
        return x.view(b, size, size, -1).permute(0, 3, 1, 2)

    normal = picture(normal)
    surface = Surface(point, normal, view, depth, hit)
    gloss = rows[:, 16].view(b, size, size)
    light, shine = illuminate(packed, surface, gloss, uniform)
    colour, emit = picture(colour), rows[:, 17].view(b, 1, size, size)
    scale = packed.ambient.mean(1)[:, None, None, None]  # screens and lamps relative to the room
    radiance = colour * light + shine + colour * emit * scale * 2.5
    radiance = torch.where(hit[:, None], radiance, 0.0)
    in_camera = torch.einsum("bji,bjhw->bihw", packed.turn, normal)
    return RenderedBatch(
        image=develop(radiance, [s.post for s in scenes], gauss),
        depth_m=depth,
        normal=torch.where(hit[:, None], in_camera, 0.0),
        plane_id=torch.where(hit, plane.view(b, size, size), 0).to(torch.int16),
        intrinsics=intrinsics,
    )


def _surface_coordinates(
    kind: Tensor, face: Tensor, metres: Tensor, half: Tensor, turn: Tensor, centre: Tensor
) -> tuple[Tensor, Tensor]:
    """Texture coordinates (N, 2) in metres and (N, 2) in 0..1 over the face, v downwards."""
    axis = face // 2
    # metric coordinates count from the world's origin, so that pieces of one wall join
    q = metres + torch.einsum("nji,nj->ni", turn, centre)
    u_axis = torch.where(axis == 0, 1, 0)
    v_axis = torch.where(axis == 2, 1, 2)
    pick = torch.stack([u_axis, v_axis], 1)
    pick = torch.where((axis == 3)[:, None], torch.tensor([0, 2], device=pick.device), pick)
    flat, size = q.gather(1, pick), half.gather(1, pick)
    share = metres.gather(1, pick) / (2 * size) + 0.5
    turned = torch.atan2(metres[:, 1], metres[:, 0]) / 6.283185307 + 0.5
    round_ = (axis == 3) & (kind != BOX)
    around = torch.stack([turned * 6.283185307 * half[:, 0], metres[:, 2]], 1)
    uv = torch.where(round_[:, None], around, flat)
    fit_round = torch.stack([turned * torch.where(kind == FRUSTUM, 2.0, 1.0), share[:, 1]], 1)
    fit = torch.where(round_[:, None], fit_round, share)
    return uv, torch.stack([fit[:, 0], 1 - fit[:, 1]], 1)
