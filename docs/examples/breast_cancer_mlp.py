"""Tell malignant from benign tumours by 30 measurements of cells, with a network of two layers.

    python docs/examples/breast_cancer_mlp.py [--quick]

The data are 569 cases that scikit-learn brings. They are cut into five parts; for each, a network learns from the other
four. scikit-learn's logistic regression is what it is compared with.
"""

from __future__ import annotations

import time

import numpy as np
import report
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import pyflame as pf
from pyflame import metrics, nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import History, Trainer, TrainerConfig

SEED = 0
EPOCHS = 20
FOLDS = 5  # each case is held out once; the quick run takes the first part only
WANTED, WANTED_QUICK = 0.965, 0.93


def accuracy(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return ((output > 0).float() == target).float().mean()


def dataset(features: np.ndarray, labels: np.ndarray) -> TensorDataset:
    return TensorDataset(pf.tensor(features.astype(np.float32)), pf.tensor(labels[:, None].astype(np.float32)))


def learn(train_set: TensorDataset, test_set: TensorDataset, epochs: int) -> tuple[History, np.ndarray]:
    """Train a fresh network; return its measurements, and the probability it gives each case of the test."""
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=epochs, enable_progress_bar=False),
        optimizer=optimizer,
        criterion=nn.BCEWithLogitsLoss(),
        scheduler=optim.CosineAnnealingLR(optimizer, T_max=epochs),
        metrics={"accuracy": accuracy},
    )
    batches = DataLoader(train_set, batch_size=32, shuffle=True, seed=SEED)
    history = trainer.fit(train_loader=batches, val_loader=DataLoader(test_set, batch_size=len(test_set)))
    model.eval()
    with pf.no_grad():
        return history, model(test_set.tensors[0])[:, 0].sigmoid().numpy()


def main() -> None:
    options = report.arguments("breast_cancer_mlp", __doc__)
    began = time.perf_counter()
    bunch = load_breast_cancer()
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(bunch.data, bunch.target))
    if options.quick:
        folds = folds[:1]
    pf.manual_seed(SEED)
    histories, scores, linear = [], np.full(len(bunch.target), np.nan), []
    for train, test in folds:
        scaler = StandardScaler().fit(bunch.data[train])
        features, held_out = scaler.transform(bunch.data[train]), scaler.transform(bunch.data[test])
        labels, truth = bunch.target[train], bunch.target[test]
        history, scores[test] = learn(dataset(features, labels), dataset(held_out, truth), EPOCHS)
        histories.append(history.epochs)
        linear.append(LogisticRegression().fit(features, labels).score(held_out, truth))
        right = history["val_accuracy"][-1]
        print(f"{len(labels)} cases learned from, {right:.2%} of {len(truth)} others told correctly")

    means = [{name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in zip(*histories)]
    print(f"\nMeans of {len(folds)} parts:", end="")
    report.table(means, percent=["val_accuracy"], every=2)
    curves = {"loss": ["loss", "val_loss"], "share told correctly": ["val_accuracy"]}
    report.plot(options.plot, means, curves, "Two layers on breast cancer")
    tested = ~np.isnan(scores)
    area = metrics.auroc(pf.tensor(scores[tested]), pf.tensor(bunch.target[tested]), task="binary").item()
    print(f"Area under the ROC curve: {area:.4f}. Logistic regression tells {np.mean(linear):.2%} correctly.")
    print(f"Took {time.perf_counter() - began:.0f} s.")
    wanted = WANTED_QUICK if options.quick else WANTED
    report.expect("Share of held-out cases told correctly", means[-1]["val_accuracy"], wanted)


if __name__ == "__main__":
    main()
