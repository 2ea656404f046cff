"""Metrics that are gathered over batches, and functions of one batch."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from . import functional as functional
from .aggregation import (
    MaxMetric as MaxMetric,
    MeanMetric as MeanMetric,
    MetricAggregator as MetricAggregator,
    MinMetric as MinMetric,
    SumMetric as SumMetric,
)
from .collection import (
    MetricCollection as MetricCollection,
)
from .confusion import (
    ConfusionMatrix as ConfusionMatrix,
    MatthewsCorrCoef as MatthewsCorrCoef,
)
from .functional import (
    accuracy as accuracy,
    auroc as auroc,
    average_precision as average_precision,
    bleu_score as bleu_score,
    confusion_matrix as confusion_matrix,
    f1_score as f1_score,
    mae as mae,
    mse as mse,
    perplexity as perplexity,
    precision as precision,
    r2_score as r2_score,
    recall as recall,
    rmse as rmse,
)
from .metric import (
    Metric as Metric,
)
from .ranking import (
    AUROC as AUROC,
    AveragePrecision as AveragePrecision,
)
from .regression import (
    MAE as MAE,
    MAPE as MAPE,
    MSE as MSE,
    R2 as R2,
    RMSE as RMSE,
    ExplainedVariance as ExplainedVariance,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    PearsonCorrelation as PearsonCorrelation,
    R2Score as R2Score,
    RootMeanSquaredError as RootMeanSquaredError,
    SpearmanCorrelation as SpearmanCorrelation,
)
from .stat_scores import (
    Accuracy as Accuracy,
    F1Score as F1Score,
    FBetaScore as FBetaScore,
    JaccardIndex as JaccardIndex,
    MulticlassAccuracy as MulticlassAccuracy,
    Precision as Precision,
    Recall as Recall,
    Specificity as Specificity,
    StatScores as StatScores,
)
from .text import (
    BLEUScore as BLEUScore,
    Perplexity as Perplexity,
    WordErrorRate as WordErrorRate,
)
