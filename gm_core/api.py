"""The one door to the core for a window: events, commands, cards, capabilities, spec tools and `open_engine()`.

Importing it imports no torch; the worker does that on its own thread once the engine is started.
"""

from __future__ import annotations

from gm_core.capabilities import (
    Arrows,
    Codes,
    Decoded,
    DecodeQuery,
    DensityGridQuery,
    EncodeQuery,
    ExamplesFrame,
    ExamplesQuery,
    FieldQuery,
    LatentMap,
    LogProbQuery,
    LogProbs,
    MapQuery,
    Pairs,
    ReconstructQuery,
    SampleQuery,
    Sheet,
    StepFrame,
    Surface,
    TrajectoryQuery,
    Truth,
    TruthQuery,
    WalkQuery,
)
from gm_core.engine.engine import Engine, open_engine
from gm_core.presets import read_catalogue, read_presets, write_catalogue
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
    Advance,
    Ask,
    Branch,
    Cancel,
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
from gm_core.spec import Row, RunSpec, Spec, SpecError, TrainSpec, describe, dump_yaml, load_mapping, load_yaml, param
from gm_core.spec.run import difference, flatten

__all__ = [name for name in dir() if not name.startswith("_") and name != "annotations"]
