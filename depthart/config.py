"""Configuration of a whole `DepthART` model and its presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from depthart.encoder import ImageEncoderConfig
from depthart.sampling import Mode, as_sampler
from depthart.scales import Scales
from depthart.transformer import TransformerConfig
from depthart.vqvae import VQVAEConfig

Conditioning = Literal["vq", "encoder"]


@dataclass(frozen=True)
class DepthARTConfig:
    """Architecture of a `DepthART`, saved as `config.json` beside its weights.

    `conditioning` says what the transformer knows of the image: `vq` prefixes the paper's 680
    quantised image tokens; `encoder` (ours) attends to a learned encoder's S x S features.

    Raises:
        ValueError: if the parts do not fit one another.
    """

    vqvae: VQVAEConfig = field(default_factory=VQVAEConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    conditioning: Conditioning = "vq"
    image_encoder: ImageEncoderConfig | None = None
    default_sampler: Mode = "sample"

    def __post_init__(self) -> None:
        if self.conditioning not in get_args(Conditioning):
            raise ValueError(f"unknown conditioning {self.conditioning!r}; known: vq, encoder")
        as_sampler(self.default_sampler)  # refuses an unknown mode
        encoded = self.conditioning == "encoder"
        if encoded != (self.image_encoder is not None) or encoded != self.transformer.memory:
            raise ValueError(
                "conditioning 'encoder' needs an image_encoder and a transformer with memory; "
                "conditioning 'vq' has neither"
            )
        if self.image_encoder and self.image_encoder.side != self.scales.finest:
            raise ValueError(
                f"the image encoder's side {self.image_encoder.side} differs from the finest "
                f"scale {self.scales.finest}"
            )

    @property
    def scales(self) -> Scales:
        return self.vqvae.scales

    @property
    def image_size(self) -> int:
        return self.vqvae.image_size

    @property
    def latent_channels(self) -> int:
        return self.vqvae.latent_channels

    @property
    def vocab_size(self) -> int:
        return self.vqvae.vocab_size

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DepthARTConfig:
        """Inverse of `to_dict`.

        Raises:
            ValueError: for an unknown field or a part that is none, named in the message.
        """
        values = dict(values)
        parts = {
            "vqvae": VQVAEConfig,
            "transformer": TransformerConfig,
            "image_encoder": ImageEncoderConfig,
        }
        for name, part in parts.items():
            value = values.get(name)
            if isinstance(value, Mapping):
                values[name] = from_fields(part, value)
            elif name in values and (value is not None or name != "image_encoder"):
                raise ValueError(f"{name} must hold the fields of {part.__name__}, got {value!r}")
        return from_fields(cls, values)

    @classmethod
    def preset(cls, name: str) -> DepthARTConfig:
        """`paper`, `small` (the bundled model), `small-vq`, and for tests `tiny`, `tiny-vq`.

        Raises:
            ValueError: for another name.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
        return PRESETS[name]


def from_fields(cls: type, values: Mapping[str, Any]) -> Any:
    """Build a dataclass from a mapping, refusing names it does not have."""
    unknown = sorted(set(values) - {f.name for f in fields(cls)})
    if unknown:
        raise ValueError(f"{cls.__name__} has no field {', '.join(unknown)}")
    return cls(**values)


SMALL_VQVAE = VQVAEConfig(widths=(64, 128, 192), stem_patch=4, blocks=1, vocab_size=2048)
TINY_VQVAE = VQVAEConfig(
    widths=(32, 32, 32), stem_patch=4, blocks=1, latent_channels=8, vocab_size=64
)
_SMALL = DepthARTConfig(
    vqvae=SMALL_VQVAE,
    transformer=TransformerConfig(
        depth=8, width=320, heads=5, classes=0, attention_tau=1.0, memory=True
    ),
    conditioning="encoder",
    image_encoder=ImageEncoderConfig(width=256, depth=4, heads=4, trunk="efficientnet_lite2"),
    default_sampler="expected",
)
PRESETS = {
    "paper": DepthARTConfig(),
    "small": _SMALL,
    "small-vq": replace(  # small with the paper's image tokens
        _SMALL,
        transformer=replace(_SMALL.transformer, memory=False),
        conditioning="vq",
        image_encoder=None,
    ),
    "tiny": replace(
        _SMALL,
        vqvae=TINY_VQVAE,
        transformer=replace(_SMALL.transformer, depth=2, width=32, heads=2),
        image_encoder=ImageEncoderConfig(width=32, depth=1, heads=2),
    ),
    "tiny-vq": DepthARTConfig(
        vqvae=TINY_VQVAE,
        transformer=TransformerConfig(depth=2, width=32, heads=2, classes=3),
    ),
}
