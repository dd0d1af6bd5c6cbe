"""The capabilities: what a model can do and what a window can ask. Importable without torch."""

from gm_core.capabilities.arithmetic import ArithmeticQuery, Means, MeansQuery, Sums
from gm_core.capabilities.base import ANSWERS, Capability, Scene, answer
from gm_core.capabilities.classes import Classes, Confusion, ConfusionQuery, Posterior, PosteriorQuery
from gm_core.capabilities.codebook import Codebook, CodebookQuery, CodebookUse, CodeMapQuery, CodeMaps, FromCodesQuery
from gm_core.capabilities.compare import Compared, CompareQuery
from gm_core.capabilities.complete import CompleteQuery, Completes, Completing, Completions
from gm_core.capabilities.critic import Critic, CriticQuery, Verdicts
from gm_core.capabilities.decisions import Decision, DecisionQuery
from gm_core.capabilities.denoises import CorruptionName, CorruptQuery, Denoises, RepairField, RepairFieldQuery, Repairs
from gm_core.capabilities.density import Density, DensityGridQuery, LogProbQuery, LogProbs, Surface
from gm_core.capabilities.embedding import Embedding, EmbedQuery
from gm_core.capabilities.encodes import Codes, EncodeQuery, Encodes, LatentMap, MapQuery
from gm_core.capabilities.features import (
    Baseline,
    BaselineQuery,
    Features,
    Filters,
    FiltersQuery,
    Representation,
    RepresentationQuery,
)
from gm_core.capabilities.field import Arrows, Field, FieldQuery
from gm_core.capabilities.glimpse import Glimpse, GlimpseQuery, Traced, TraceQuery
from gm_core.capabilities.latent import Decoded, DecodeQuery, Latent, WalkQuery
from gm_core.capabilities.lattice import EffectQuery, Effects, Lattice, LatticeQuery
from gm_core.capabilities.metrics import METRICS, Metric, better_than
from gm_core.capabilities.neighbours import Nearest, NearestQuery
from gm_core.capabilities.partition import Partition
from gm_core.capabilities.paths import ComparedPaths, ComparePathsQuery, PathStop, PathWay
from gm_core.capabilities.preview import Preview, PreviewQuery
from gm_core.capabilities.quality import Quality, QualityQuery
from gm_core.capabilities.reconstruct import Errors, ErrorsQuery, Pairs, ReconstructQuery, Reconstructs
from gm_core.capabilities.samples import SampleQuery, Samples, Sheet
from gm_core.capabilities.shown import ExamplesFrame, ExamplesQuery
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
from gm_core.capabilities.stepwise import (
    OWN,
    Conditional,
    Guided,
    Renoises,
    Route,
    StepFrame,
    StepState,
    Stepwise,
    TrajectoryQuery,
    Turn,
)
from gm_core.capabilities.truth import Truth, TruthQuery

__all__ = [
    "ANSWERS",
    "METRICS",
    "OWN",
    "ArithmeticQuery",
    "Arrows",
    "Baseline",
    "BaselineQuery",
    "Capability",
    "Classes",
    "CodeMapQuery",
    "CodeMaps",
    "Codebook",
    "CodebookQuery",
    "CodebookUse",
    "Codes",
    "ComparePathsQuery",
    "CompareQuery",
    "Compared",
    "ComparedPaths",
    "CompleteQuery",
    "Completes",
    "Completing",
    "Completions",
    "Conditional",
    "ConditionalQuery",
    "Confusion",
    "ConfusionQuery",
    "CorruptQuery",
    "CorruptionName",
    "Critic",
    "CriticQuery",
    "Decision",
    "DecisionQuery",
    "DecodeQuery",
    "Decoded",
    "Denoises",
    "Density",
    "DensityGridQuery",
    "EffectQuery",
    "Effects",
    "EmbedQuery",
    "Embedding",
    "EncodeQuery",
    "Encodes",
    "Errors",
    "ErrorsQuery",
    "ExamplesFrame",
    "ExamplesQuery",
    "Features",
    "Field",
    "FieldQuery",
    "FillQuery",
    "Filled",
    "Filters",
    "FiltersQuery",
    "FromCodesQuery",
    "Glimpse",
    "GlimpseQuery",
    "Guided",
    "Latent",
    "LatentMap",
    "Lattice",
    "LatticeQuery",
    "LogProbQuery",
    "LogProbs",
    "MapQuery",
    "Means",
    "MeansQuery",
    "Metric",
    "Nearest",
    "NearestQuery",
    "Pairs",
    "Partition",
    "PathStop",
    "PathWay",
    "Posterior",
    "PosteriorQuery",
    "Preview",
    "PreviewQuery",
    "Quality",
    "QualityQuery",
    "ReconstructQuery",
    "Reconstructs",
    "Renoises",
    "RepairField",
    "RepairFieldQuery",
    "Repairs",
    "Representation",
    "RepresentationQuery",
    "Route",
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
    "Sums",
    "Surface",
    "TraceQuery",
    "Traced",
    "TrajectoryQuery",
    "Truth",
    "TruthQuery",
    "Turn",
    "Verdicts",
    "WalkQuery",
    "answer",
    "better_than",
]
