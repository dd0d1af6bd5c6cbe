"""The capabilities: what a model can do and what a window can ask. Importable without torch."""

from gm_core.capabilities.base import ANSWERS, Capability, Scene, answer
from gm_core.capabilities.classes import Classes, Confusion, ConfusionQuery, Posterior, PosteriorQuery
from gm_core.capabilities.complete import CompleteQuery, Completes, Completing, Completions
from gm_core.capabilities.density import Density, DensityGridQuery, LogProbQuery, LogProbs, Surface
from gm_core.capabilities.encodes import Codes, EncodeQuery, Encodes, LatentMap, MapQuery
from gm_core.capabilities.field import Arrows, Field, FieldQuery
from gm_core.capabilities.latent import Decoded, DecodeQuery, Latent, WalkQuery
from gm_core.capabilities.reconstruct import Pairs, ReconstructQuery, Reconstructs
from gm_core.capabilities.samples import SampleQuery, Samples, Sheet
from gm_core.capabilities.shown import ExamplesFrame, ExamplesQuery, Truth, TruthQuery
from gm_core.capabilities.sitewise import (
    ConditionalQuery,
    Filled,
    FillQuery,
    SiteBars,
    SiteMaps,
    SiteMapsQuery,
    SiteState,
    Sitewise,
)
from gm_core.capabilities.stepwise import StepFrame, StepState, Stepwise, TrajectoryQuery

__all__ = [
    "ANSWERS",
    "Arrows",
    "Capability",
    "Classes",
    "Codes",
    "CompleteQuery",
    "Completes",
    "Completing",
    "Completions",
    "ConditionalQuery",
    "Confusion",
    "ConfusionQuery",
    "DecodeQuery",
    "Decoded",
    "Density",
    "DensityGridQuery",
    "EncodeQuery",
    "Encodes",
    "ExamplesFrame",
    "ExamplesQuery",
    "Field",
    "FieldQuery",
    "FillQuery",
    "Filled",
    "Latent",
    "LatentMap",
    "LogProbQuery",
    "LogProbs",
    "MapQuery",
    "Pairs",
    "Posterior",
    "PosteriorQuery",
    "ReconstructQuery",
    "Reconstructs",
    "SampleQuery",
    "Samples",
    "Scene",
    "Sheet",
    "SiteBars",
    "SiteMaps",
    "SiteMapsQuery",
    "SiteState",
    "Sitewise",
    "StepFrame",
    "StepState",
    "Stepwise",
    "Surface",
    "TrajectoryQuery",
    "Truth",
    "TruthQuery",
    "WalkQuery",
    "answer",
]
