"""The one door to the core for a window: events, commands, cards, capabilities, spec tools and `open_engine()`.

Importing it imports no torch; the worker does that on its own thread once the engine is started.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gm_core.engine.engine import Engine, open_engine
from gm_core.maths.pacing import EASINGS, ORDERS, film_order
from gm_core.presets import read_catalogue, read_presets, stored_presets, write_catalogue
from gm_core.protocol.cards import (
    Catalogue,
    Chart,
    DataCard,
    DataKind,
    DeviceCard,
    ModelCard,
    Preset,
    RunCard,
    RunRow,
)
from gm_core.protocol.commands import (
    ALONE,
    Advance,
    Ask,
    Branch,
    Cancel,
    ChangeData,
    CloseRun,
    Command,
    DeleteRun,
    Download,
    Edit,
    ListRuns,
    OpenRun,
    Pause,
    Pin,
    Query,
    ReadHistory,
    Redo,
    Resume,
    Rollback,
    SetPace,
    Shutdown,
    Start,
    Stop,
    SwitchPhases,
    Undo,
)
from gm_core.protocol.events import (
    Answered,
    Edited,
    Ended,
    Event,
    Frame,
    History,
    Kept,
    Progress,
    Ready,
    RolledBack,
    RunChanged,
    RunClosed,
    RunList,
    Saved,
    Scalars,
    Timing,
    Trouble,
    Vectors,
)
from gm_core.runs.video import mp4, video_missing
from gm_core.spec import (
    Row,
    RunSpec,
    Spec,
    SpecError,
    TrainSpec,
    describe,
    dump_mapping,
    dump_yaml,
    load_mapping,
    load_yaml,
    param,
)
from gm_core.spec.run import difference, flatten

if TYPE_CHECKING:
    from gm_core.capabilities.arithmetic import ArithmeticQuery, Means, MeansQuery, Sums
    from gm_core.capabilities.classes import Confusion, ConfusionQuery, Posterior, PosteriorQuery
    from gm_core.capabilities.codebook import CodebookQuery, CodebookUse, CodeMapQuery, CodeMaps, FromCodesQuery
    from gm_core.capabilities.compare import Compared, CompareQuery
    from gm_core.capabilities.complete import CompleteQuery, Completions
    from gm_core.capabilities.critic import CriticQuery, Verdicts
    from gm_core.capabilities.decisions import Decision, DecisionQuery
    from gm_core.capabilities.denoises import CorruptQuery, RepairField, RepairFieldQuery, Repairs
    from gm_core.capabilities.density import DensityGridQuery, LogProbQuery, LogProbs, Surface
    from gm_core.capabilities.embedding import Embedding, EmbedQuery
    from gm_core.capabilities.encodes import Codes, EncodeQuery, LatentMap, MapQuery
    from gm_core.capabilities.features import (
        Baseline,
        BaselineQuery,
        Filters,
        FiltersQuery,
        Representation,
        RepresentationQuery,
    )
    from gm_core.capabilities.field import Arrows, FieldQuery
    from gm_core.capabilities.glimpse import Glimpse, GlimpseQuery, Traced, TraceQuery
    from gm_core.capabilities.latent import Decoded, DecodeQuery, WalkQuery
    from gm_core.capabilities.lattice import EffectQuery, Effects, Lattice, LatticeQuery
    from gm_core.capabilities.metrics import METRICS, Metric, better_than
    from gm_core.capabilities.neighbours import Nearest, NearestQuery
    from gm_core.capabilities.paths import ComparedPaths, ComparePathsQuery, PathStop, PathWay
    from gm_core.capabilities.preview import Preview, PreviewQuery
    from gm_core.capabilities.quality import Quality, QualityQuery
    from gm_core.capabilities.reconstruct import Errors, ErrorsQuery, Pairs, ReconstructQuery
    from gm_core.capabilities.samples import SampleQuery, Sheet
    from gm_core.capabilities.shown import ExamplesFrame, ExamplesQuery
    from gm_core.capabilities.sitewise import ConditionalQuery, Filled, FillQuery, SiteBars, SiteMaps, SiteMapsQuery
    from gm_core.capabilities.stepwise import StepFrame, TrajectoryQuery, Turn
    from gm_core.capabilities.truth import Truth, TruthQuery


__all__ = [
    "ALONE",
    "EASINGS",
    "METRICS",
    "ORDERS",
    "Advance",
    "Answered",
    "ArithmeticQuery",
    "Arrows",
    "Ask",
    "Baseline",
    "BaselineQuery",
    "Branch",
    "Cancel",
    "Catalogue",
    "ChangeData",
    "Chart",
    "CloseRun",
    "CodeMapQuery",
    "CodeMaps",
    "CodebookQuery",
    "CodebookUse",
    "Codes",
    "Command",
    "ComparePathsQuery",
    "CompareQuery",
    "Compared",
    "ComparedPaths",
    "CompleteQuery",
    "Completions",
    "ConditionalQuery",
    "Confusion",
    "ConfusionQuery",
    "CorruptQuery",
    "CriticQuery",
    "DataCard",
    "DataKind",
    "Decision",
    "DecisionQuery",
    "DecodeQuery",
    "Decoded",
    "DeleteRun",
    "DensityGridQuery",
    "DeviceCard",
    "Download",
    "Edit",
    "Edited",
    "EffectQuery",
    "Effects",
    "EmbedQuery",
    "Embedding",
    "EncodeQuery",
    "Ended",
    "Engine",
    "Errors",
    "ErrorsQuery",
    "Event",
    "ExamplesFrame",
    "ExamplesQuery",
    "FieldQuery",
    "FillQuery",
    "Filled",
    "Filters",
    "FiltersQuery",
    "Frame",
    "FromCodesQuery",
    "Glimpse",
    "GlimpseQuery",
    "History",
    "Kept",
    "LatentMap",
    "Lattice",
    "LatticeQuery",
    "ListRuns",
    "LogProbQuery",
    "LogProbs",
    "MapQuery",
    "Means",
    "MeansQuery",
    "Metric",
    "ModelCard",
    "Nearest",
    "NearestQuery",
    "OpenRun",
    "Pairs",
    "PathStop",
    "PathWay",
    "Pause",
    "Pin",
    "Posterior",
    "PosteriorQuery",
    "Preset",
    "Preview",
    "PreviewQuery",
    "Progress",
    "Quality",
    "QualityQuery",
    "Query",
    "ReadHistory",
    "Ready",
    "ReconstructQuery",
    "Redo",
    "RepairField",
    "RepairFieldQuery",
    "Repairs",
    "Representation",
    "RepresentationQuery",
    "Resume",
    "Rollback",
    "RolledBack",
    "Row",
    "RunCard",
    "RunChanged",
    "RunClosed",
    "RunList",
    "RunRow",
    "RunSpec",
    "SampleQuery",
    "Saved",
    "Scalars",
    "SetPace",
    "Sheet",
    "Shutdown",
    "SiteBars",
    "SiteMaps",
    "SiteMapsQuery",
    "Spec",
    "SpecError",
    "Start",
    "StepFrame",
    "Stop",
    "Sums",
    "Surface",
    "SwitchPhases",
    "Timing",
    "TraceQuery",
    "Traced",
    "TrainSpec",
    "TrajectoryQuery",
    "Turn",
    "Trouble",
    "Truth",
    "TruthQuery",
    "Undo",
    "Vectors",
    "Verdicts",
    "WalkQuery",
    "better_than",
    "describe",
    "difference",
    "dump_mapping",
    "dump_yaml",
    "film_order",
    "flatten",
    "load_mapping",
    "load_yaml",
    "mp4",
    "open_engine",
    "param",
    "read_catalogue",
    "read_presets",
    "stored_presets",
    "video_missing",
    "write_catalogue",
]

HOMES = {
    "arithmetic": "ArithmeticQuery Means MeansQuery Sums",
    "classes": "Confusion ConfusionQuery Posterior PosteriorQuery",
    "codebook": "CodebookQuery CodebookUse CodeMapQuery CodeMaps FromCodesQuery",
    "compare": "Compared CompareQuery",
    "complete": "CompleteQuery Completions",
    "critic": "CriticQuery Verdicts",
    "decisions": "Decision DecisionQuery",
    "denoises": "CorruptQuery RepairField RepairFieldQuery Repairs",
    "density": "DensityGridQuery LogProbQuery LogProbs Surface",
    "embedding": "Embedding EmbedQuery",
    "encodes": "Codes EncodeQuery LatentMap MapQuery",
    "features": "Baseline BaselineQuery Filters FiltersQuery Representation RepresentationQuery",
    "field": "Arrows FieldQuery",
    "glimpse": "Glimpse GlimpseQuery Traced TraceQuery",
    "latent": "Decoded DecodeQuery WalkQuery",
    "lattice": "EffectQuery Effects Lattice LatticeQuery",
    "metrics": "METRICS Metric better_than",
    "neighbours": "Nearest NearestQuery",
    "paths": "ComparedPaths ComparePathsQuery PathStop PathWay",
    "preview": "Preview PreviewQuery",
    "quality": "Quality QualityQuery",
    "reconstruct": "Errors ErrorsQuery Pairs ReconstructQuery",
    "samples": "SampleQuery Sheet",
    "shown": "ExamplesFrame ExamplesQuery",
    "sitewise": "ConditionalQuery Filled FillQuery SiteBars SiteMaps SiteMapsQuery",
    "stepwise": "StepFrame TrajectoryQuery Turn",
    "truth": "Truth TruthQuery",
}
"""Where the names of the capabilities live. They are two dozen modules, of which a window needs six to open: each is
loaded when one of its names is first asked for."""
_HOME = {name: home for home, names in HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"gm_core.api has no {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"gm_core.capabilities.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
