"""Every single-letter change of regulatory elements, with its measured effect on a reporter.

Design choices

- The reference of an element is put together from the bases that the table gives; a variant is seen
  in a window of `WIDTH` around it, and a model sees what the change adds and takes away.
- The three changes of a base, and neighbours, are no independent items. `folds` cuts by variant, by
  position, by block or by element, and only the last two keep relatives together.
- Effects are divided by their standard deviation within the element.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV

from hypecheck.kmers import count_kmers
from hypecheck.models import ConvNet, ConvNetConfig
from hypecheck.optimisation import TrainingConfig, optimise
from hypecheck.sequences import UNKNOWN, Codes, encode, reverse_complement

Floats = npt.NDArray[np.float64]
Cut = Literal["variant", "position", "block", "element"]
Fit = Callable[["ReporterVariants"], Callable[["ReporterVariants"], Floats]]
WIDTH = 31  # bp
BLOCK = 40  # bp
PENALTIES = np.geomspace(1, 1e4, 9)


@dataclass(frozen=True, eq=False)
class ReporterVariants:
    """Variants of elements.

    Attributes
    ----------
    ref, alt : ndarray of uint8, shape (V, WIDTH)
        The window around the variant, without and with the change.
    effect : ndarray of float64, shape (V,)
        Change of log2 activity, in standard deviations of the element.
    element, position : ndarray of int64, shape (V,)
        Number of the element, and place in it.
    """

    ref: Codes
    alt: Codes
    effect: Floats
    element: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.effect)

    def take(self, rows: npt.NDArray[np.int64]) -> ReporterVariants:
        """Give some of the variants.

        Parameters
        ----------
        rows : ndarray of int64
            Which.

        Returns
        -------
        some : ReporterVariants
            In that order.
        """
        return ReporterVariants(
            self.ref[rows],
            self.alt[rows],
            self.effect[rows],
            self.element[rows],
            self.position[rows],
        )

    def groups(self, cut: Cut) -> npt.NDArray[np.int64]:
        """Give numbers to what a cut keeps together.

        Parameters
        ----------
        cut : {"variant", "position", "block", "element"}
            Nothing, the changes of a base, a block of `BLOCK` bp, or an element.

        Returns
        -------
        groups : ndarray of int64, shape (V,)
            From 0.
        """
        place = self.element * 10**6 + self.position
        keys = {
            "variant": np.arange(len(self)),
            "position": place,
            "block": self.element * 10**6 + self.position // BLOCK,
            "element": self.element,
        }
        return np.unique(keys[cut], return_inverse=True)[1]


def read_reporter_variants(
    frame: pd.DataFrame, elements: Sequence[str], *, barcodes: int = 10
) -> ReporterVariants:
    """Read saturation mutagenesis of some elements.

    Parameters
    ----------
    frame : DataFrame
        Columns as in the table of Kircher et al.
    elements : sequence of str
        Which, each measured once.
    barcodes : int, default 10
        Variants with fewer are noise and left out.

    Returns
    -------
    variants : ReporterVariants
        Single-letter changes, by element and position, of one assembly.

    References
    ----------
    Kircher et al. (2019), "Saturation mutagenesis of twenty disease-associated regulatory
    elements at single base-pair resolution", Nature Communications 10, 3583.

    Examples
    --------
    >>> frame = pd.DataFrame({"Element": "E", "Release": "GRCh38", "Pos": [5, 5, 6],
    ...     "Ref": list("AAC"), "Alt": list("CGT"), "Barcodes": 20, "Coefficient": [0, 1, 2]})
    >>> variants = read_reporter_variants(frame, ["E"])
    >>> variants.position.tolist(), variants.alt[2, 14:18].tolist()
    ([0, 0, 1], [0, 3, 4, 4])
    """
    bases = list("ACGT")
    known = frame[
        (frame["Release"] == "GRCh38") & frame["Ref"].isin(bases) & frame["Alt"].isin(bases)
    ]
    parts = []
    for number, name in enumerate(elements):
        rows = known[known["Element"] == name].sort_values(["Pos", "Alt"])
        place = rows["Pos"].to_numpy(dtype=np.int64) - int(rows["Pos"].min())
        padded = np.full(place.max() + WIDTH, UNKNOWN, dtype=np.uint8)
        padded[place + WIDTH // 2] = encode("".join(rows["Ref"]))
        enough = (rows["Barcodes"] >= barcodes).to_numpy()
        rows, place = rows[enough], place[enough]
        ref = padded[place[:, None] + np.arange(WIDTH)]
        alt = ref.copy()
        alt[:, WIDTH // 2] = encode("".join(rows["Alt"]))
        effect = rows["Coefficient"].to_numpy(dtype=np.float64)
        parts.append((ref, alt, effect / effect.std(), np.full(len(rows), number), place))
    return ReporterVariants(*(np.concatenate(some) for some in zip(*parts, strict=True)))


def changed_words(variants: ReporterVariants, longest: int = 4) -> npt.NDArray[np.float32]:
    """Count the words that a change makes, less those that it takes away, on both strands.

    Parameters
    ----------
    variants : ReporterVariants
        Variants.
    longest : int, default 4
        Words of one to so many letters.

    Returns
    -------
    change : ndarray of float32, shape (V, words)
        One column a word and its reverse complement.

    Examples
    --------
    >>> codes = np.full((1, WIDTH), UNKNOWN, np.uint8)
    >>> ref, alt = codes.copy(), codes.copy()
    >>> ref[0, 15], alt[0, 15] = 0, 1
    >>> one = ReporterVariants(ref, alt, np.zeros(1), np.zeros(1, int), np.zeros(1, int))
    >>> changed_words(one, longest=1).tolist()  # A or T, C or G
    [[-1.0, 1.0]]
    """
    middle, columns = WIDTH // 2, []
    for k in range(1, longest + 1):
        part = slice(middle - k + 1, middle + k)
        alt, ref = (
            np.asarray(count_kmers(codes[:, part], k, canonical=True, sparse=False), np.float32)
            for codes in (variants.alt, variants.ref)
        )
        columns.append(alt - ref)
    return np.concatenate(columns, axis=1)


def fit_words(train: ReporterVariants) -> Callable[[ReporterVariants], Floats]:
    """Fit a ridge regression on changed words; its penalty is chosen by leaving variants out.

    Parameters
    ----------
    train : ReporterVariants
        Variants to learn from.

    Returns
    -------
    predict : callable
        From variants to effects.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ref = rng.integers(4, size=(50, WIDTH)).astype(np.uint8)
    >>> alt = ref.copy()
    >>> alt[:, WIDTH // 2] = (alt[:, WIDTH // 2] + 1) % 4
    >>> some = ReporterVariants(ref, alt, rng.normal(size=50), np.zeros(50, int), np.arange(50))
    >>> fit_words(some)(some).shape
    (50,)
    """
    model = RidgeCV(PENALTIES).fit(changed_words(train), train.effect)
    return lambda variants: np.asarray(model.predict(changed_words(variants)), dtype=np.float64)


def fit_neighbours(train: ReporterVariants) -> Callable[[ReporterVariants], Floats]:
    """Guess the mean effect at the nearest position of the same element: no sequence is read.

    Parameters
    ----------
    train : ReporterVariants
        Variants to remember.

    Returns
    -------
    predict : callable
        From variants to effects; the mean of all where the element is new.

    Examples
    --------
    >>> codes = np.zeros((3, WIDTH), np.uint8)
    >>> place = np.array([0, 0, 9])
    >>> some = ReporterVariants(codes, codes, np.array([1.0, 3, 5]), np.zeros(3, int), place)
    >>> fit_neighbours(some)(some).tolist()
    [2.0, 2.0, 5.0]
    """
    table = pd.DataFrame({"e": train.element, "p": train.position, "y": train.effect})
    known = {e: part.groupby("p")["y"].mean() for e, part in table.groupby("e")}

    def predict(variants: ReporterVariants) -> Floats:
        guesses = np.full(len(variants), float(train.effect.mean()))
        for element, means in known.items():
            here = variants.element == element
            gaps = np.abs(variants.position[here, None] - means.index.to_numpy()[None])
            guesses[here] = means.to_numpy()[gaps.argmin(axis=1)]
        return guesses

    return predict


def fit_network(
    train: ReporterVariants, *, steps: int = 200, seed: int = 0
) -> Callable[[ReporterVariants], Floats]:
    """Train a small convolutional network: its answer to the change, less that to the reference.

    Parameters
    ----------
    train : ReporterVariants
        Variants to learn from.
    steps : int, default 200
        Of 64 variants, each read on either strand.
    seed : int, default 0
        Of the weights and the order.

    Returns
    -------
    predict : callable
        From variants to effects, both strands averaged.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ref = rng.integers(4, size=(70, WIDTH)).astype(np.uint8)
    >>> alt = ref.copy()
    >>> alt[:, WIDTH // 2] = (alt[:, WIDTH // 2] + 1) % 4
    >>> some = ReporterVariants(ref, alt, rng.normal(size=70), np.zeros(70, int), np.arange(70))
    >>> fit_network(some, steps=2)(some).shape
    (70,)
    """
    shape = ConvNetConfig(
        n_classes=1, channels=(24, 24), kernels=(7, 5), head="positional", length=WIDTH
    )
    model = copy.deepcopy(ConvNet(shape, seed=seed))
    both = {side: (codes, reverse_complement(codes)) for side, codes in _sides(train).items()}
    target = torch.from_numpy(train.effect).float()

    def step_loss(step: int) -> tuple[torch.Tensor, int]:
        rng = np.random.default_rng([seed, step])
        rows, strand = rng.integers(len(train), size=64), int(rng.integers(2))
        answers = [
            model(torch.from_numpy(both[side][strand][rows]))[:, 0] for side in ("alt", "ref")
        ]
        return ((answers[0] - answers[1] - target[rows]) ** 2).mean(), rows.size

    config = TrainingConfig(steps=steps, batch_size=64, learning_rate=3e-3, seed=seed)
    optimise(dict(model.named_parameters()), step_loss, config, identity={"data": "in memory"})

    def predict(variants: ReporterVariants) -> Floats:
        sides = {side: (one, reverse_complement(one)) for side, one in _sides(variants).items()}
        with torch.inference_mode():
            answers = [
                model(torch.from_numpy(sides["alt"][k])) - model(torch.from_numpy(sides["ref"][k]))
                for k in (0, 1)
            ]
        return np.asarray((answers[0] + answers[1])[:, 0].double() / 2)

    return predict


def cross_predict(variants: ReporterVariants, fit: Fit, cut: Cut, *, n_folds: int = 5) -> Floats:
    """Predict each variant by a model that saw none of its group.

    Parameters
    ----------
    variants : ReporterVariants
        Variants.
    fit : callable
        From training variants to a predictor, such as `fit_words`.
    cut : {"variant", "position", "block", "element"}
        What stays together.
    n_folds : int, default 5
        Folds; by element, one for each.

    Returns
    -------
    predicted : ndarray of float64, shape (V,)
        In the order of the variants.

    Examples
    --------
    >>> codes = np.zeros((4, WIDTH), np.uint8)
    >>> place = np.array([0, 0, 9, 9])
    >>> some = ReporterVariants(codes, codes, np.arange(4.0), np.zeros(4, int), place)
    >>> cross_predict(some, fit_neighbours, "position", n_folds=2).tolist()
    [2.5, 2.5, 0.5, 0.5]
    """
    groups = variants.groups(cut)
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    fold = (order % min(n_folds, len(order)) if cut != "element" else order)[groups]
    predicted = np.empty(len(variants))
    for number in np.unique(fold):
        inside = fold == number
        model = fit(variants.take(np.flatnonzero(~inside)))
        predicted[inside] = model(variants.take(np.flatnonzero(inside)))
    return predicted


def _sides(variants: ReporterVariants) -> dict[str, Codes]:
    return {"ref": variants.ref, "alt": variants.alt}
