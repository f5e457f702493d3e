"""Seeds in, pictures with exact depth out.

Version 3 shows the procedural scenes of version 2, with the same depth, normals and planes to
rounding, but fewer rays of light, surfaces with grain, and more ordinary colours and lenses. With
meshes from disk, scenes are new ones: more desks and still lifes. The pictures of version 2 are
made by the code before it (d837a2e in git's history).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render.assets import Assets
from train.render.camera import camera_rays, intrinsics_of, rays_through
from train.render.edges import soften_edges
from train.render.layouts import build_layout, has_layouts
from train.render.lighting import Lamps, Light, illuminate, off_surface, sharply_lit
from train.render.outdoor import build_outdoors
from train.render.post import defocus, develop, sample_post
from train.render.rooms import build_room
from train.render.scene import Scene
from train.render.surface import EMIT, MIRROR, Stage, Surface
from train.render.vectors import dot, rows_of
from train.render.views import place_camera

RENDERER_VERSION = 3
SCENES = 2  # the version since which a seed without meshes has been the same scene and camera
GRAIN = 8  # sizes are multiples of it
BEYOND = 1.2  # depth of the sky, relative to the farthest surface in the picture
STYLES = {"room": 0.25, "tabletop": 0.19, "closeup": 0.1, "shelf": 0.06, "corridor": 0.07,
          "hall": 0.05, "layout": 0.07, "person": 0.06, "outdoors": 0.15}  # fmt: skip
WITH_MESHES = {"room": 0.2, "desk": 0.13, "still_life": 0.16, "tabletop": 0.12, "closeup": 0.06,
               "shelf": 0.05, "corridor": 0.05, "hall": 0.04, "layout": 0.06, "person": 0.03,
               "outdoors": 0.1}  # fmt: skip


@dataclass
class RenderedBatch:
    """Pictures and what is true about them. B pictures of H x W pixels.

    Attributes:
        image: (B, 3, H, W) uint8 sRGB.
        depth_m: (B, H, W) float32 z-depth in metres. Sky, also behind windows, lies beyond all
            else: at 1.2 times the farthest surface of the picture. 0 if there is no surface.
        normal: (B, 3, H, W) float32 unit vectors in the camera frame (x right, y down, z forward),
            facing the camera; 0 in the sky.
        plane_id: (B, H, W) int16, 0 on curved and small things, else a number 1..255 for each wall,
            floor, ceiling or table top of the picture.
        intrinsics: (B, 4) float32 fx, fy, cx, cy in pixels, pixel centres at +0.5.
    """

    image: Tensor
    depth_m: Tensor
    normal: Tensor
    plane_id: Tensor
    intrinsics: Tensor


def make_scene(seed: int, assets: Assets | None = None) -> Scene:
    """The scene of one seed with its camera."""
    rng = np.random.default_rng([seed, SCENES])
    scene = Scene(rng, assets or Assets())
    styles = STYLES if scene.assets.meshes is None else WITH_MESHES
    style = str(rng.choice(list(styles), p=list(styles.values())))
    if style == "outdoors":
        room = build_outdoors(scene)
    elif style == "layout" and has_layouts(scene):
        room = build_layout(scene)
    else:
        room = build_room(scene, "room" if style == "layout" else style)
    scene.pose = place_camera(scene, room)
    scene.post = sample_post(rng)
    if style in ("closeup", "tabletop", "person", "still_life") and rng.random() < 0.2:
        scene.post["defocus"] = float(rng.uniform(0.5, 2.5))
    return scene


def check_request(seeds: Sequence[int], size: int, assets: Assets | None = None) -> None:
    """Complain about what `render_batch` cannot render.

    Raises:
        ValueError: on an empty list, a negative seed or a wrong size.
        FileNotFoundError: if a folder of assets is missing or holds nothing of its kind.
    """
    if not len(seeds) or min(seeds) < 0:
        raise ValueError("give at least one seed, and only non-negative ones.")
    if size < GRAIN or size % GRAIN:
        raise ValueError(f"the size must be a positive multiple of {GRAIN} pixels, got {size}.")
    if assets is not None:
        assets.check()


def render_batch(
    seeds: Sequence[int],
    size: int = 256,
    device: torch.device | str = "cpu",
    assets: Assets | None = None,
) -> RenderedBatch:
    """Render the scenes of some seeds.

    Args:
        seeds: non-negative integers; the same seed gives the same picture.
        size: side of the square pictures in pixels, a multiple of 8.
        device: where to shade; rays are cast on the CPU.
        assets: files that scenes may use; None makes everything by procedure.

    Raises:
        ValueError: on an empty list, a negative seed or a wrong size.
        FileNotFoundError: if a folder of assets is missing or holds nothing of its kind.
    """
    check_request(seeds, size, assets)
    scenes = [make_scene(int(seed), assets) for seed in seeds]
    return render_scenes(scenes, seeds, size, device)


def render_scenes(
    scenes: Sequence[Scene], seeds: Sequence[int], size: int, device: torch.device | str = "cpu"
) -> RenderedBatch:
    """Render finished scenes, each with its camera; the seeds only fix the noise."""
    with torch.no_grad():
        parts = [_render(s, int(k), size, device) for s, k in zip(scenes, seeds, strict=True)]
    return RenderedBatch(*(torch.stack([getattr(p, f) for p in parts]) for f in vars(parts[0])))


def _render(scene: Scene, seed: int, size: int, device: torch.device | str) -> RenderedBatch:
    """One picture, without the dimension B."""
    stage = Stage(scene, device)
    lamps = Lamps.of(stage)
    intrinsics = intrinsics_of([scene.pose], size).to(device)
    generator = torch.Generator().manual_seed(seed)
    gauss = torch.randn(3, size, size, generator=generator).to(device)

    turn = torch.from_numpy(scene.pose.rotation).float().to(device)
    origin = torch.from_numpy(scene.pose.position).float().to(device)
    rays = (turn @ camera_rays(intrinsics, size)[0].flatten(1)).T
    pixel = 1 / intrinsics[0, 0].item()
    surface = stage.look(origin.expand_as(rays), rays, pixel)
    light = illuminate(stage, lamps, surface, size, generator)
    radiance = _shade(stage, lamps, surface, light, light.matt, light.shine)

    def look(pixels: Tensor) -> Surface:
        rays = rays_through(intrinsics[0], pixels) @ turn.T
        return stage.look(origin.expand_as(rays), rays, pixel)

    def shade(seen: Surface, near: Tensor) -> Tensor:
        matt, shine = rows_of(light.matt, near), rows_of(light.shine, near)
        return _shade(stage, lamps, seen, light, matt, shine)

    radiance = soften_edges(radiance, surface, size, look, shade, 6 * light.level)
    in_camera = (surface.normal @ turn) * surface.hit[:, None]
    depth = surface.t
    if surface.hit.any():
        depth = torch.where(surface.hit, depth, BEYOND * depth.max())

    def picture(x: Tensor) -> Tensor:
        return x.T.reshape(3, size, size)

    light_map = picture(radiance)
    if scene.post.get("defocus"):
        light_map = defocus(light_map, depth.view(size, size), scene.post["defocus"] * size / 256)
    return RenderedBatch(
        image=develop(light_map[None], [scene.post], gauss[None])[0],
        depth_m=depth.view(size, size),
        normal=picture(in_camera),
        plane_id=torch.where(surface.hit, surface.plane, 0).view(size, size).to(torch.int16),
        intrinsics=intrinsics[0],
    )


def _shade(
    stage: Stage, lamps: Lamps, surface: Surface, light: Light, matt: Tensor, shine: Tensor
) -> Tensor:
    """(N, 3) radiance of N surfaces towards the eye, sky where there are none.

    `matt` and `shine` (N, 3) are those of `light` that belong to the surfaces.
    """
    glow = surface.colour * surface.rows[:, EMIT, None] * light.level * 2
    radiance = surface.colour * matt + shine + glow
    shiny = (surface.hit & (surface.rows[:, MIRROR] > 0)).nonzero()[:, 0]
    if len(shiny):
        radiance[shiny] = _reflected(stage, lamps, surface[shiny], light, radiance[shiny])
    sky = stage.scene.sky.radiance(surface.view) * _sky_level(stage, light)
    return torch.where(surface.hit[:, None], radiance, sky)


def _sky_level(stage: Stage, light: Light) -> Tensor:
    """How bright the sky is seen: indoors relative to the room, as the eye adapts to it."""
    return torch.full_like(light.level, 0.7) if stage.scene.outdoors else light.level


def _reflected(
    stage: Stage, lamps: Lamps, surface: Surface, light: Light, radiance: Tensor
) -> Tensor:
    """Radiance of mirroring surfaces with what they reflect."""
    normal = surface.normal
    cosine = -dot(surface.view, normal)[:, None].clamp(-1, 0)
    along = surface.view + 2 * cosine * normal
    met = stage.look(off_surface(surface), along, 0.004)
    seen = sharply_lit(stage, lamps, met)
    seen = seen + met.colour * light.ambient * 2
    seen = seen + met.colour * met.rows[:, EMIT, None] * light.level * 2
    sky = stage.scene.sky.radiance(along) * _sky_level(stage, light)
    seen = torch.where(met.hit[:, None], seen, sky)
    square = surface.rows[:, MIRROR, None]
    share = square + (1 - square) * (1 - cosine).pow(5) * 0.7
    return radiance * (1 - share) + seen * share
