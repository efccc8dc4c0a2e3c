"""Single-nucleotide variants: listed, scored by a masked language model, tried out on a classifier.

Design choices

- The masked score needs one forward pass per *position*: hide the base, read the log-probabilities
  of all four, and every substitution there is a difference of two of them.
- The position stands in the middle of its window where the sequence allows it, and both strands can
  be averaged: a variant has no strand, a window has one.
- In-silico mutagenesis runs all substitutions through the model in batches that stay in the cache.

References
----------
Meier et al. 2021, Language models enable zero-shot prediction of the effects of mutations on
protein function, NeurIPS 34, section 3 (masked marginals).
Zhou and Troyanskaya 2015, DeepSEA, https://doi.org/10.1038/nmeth.3547 (in-silico mutagenesis).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hypecheck.models import Transformer, check_vocabulary
from hypecheck.sequences import ALPHABET, UNKNOWN, Codes, check_codes, decode, reverse_complement
from hypecheck.tokenizers import Tokenizer
from hypecheck.training import tokenise


class VariantError(ValueError):
    """Variants that do not fit the sequence; the message names the first one."""


@dataclass(frozen=True, eq=False)
class Variants:
    """Single-base substitutions in one sequence.

    Parameters
    ----------
    positions : ndarray of int64, shape (V,)
        Positions, counted from 0.
    ref, alt : ndarray of uint8, shape (V,)
        Codes of the base that is there and the base that replaces it.

    Raises
    ------
    VariantError
        If shapes differ, a code is not a known base, or a base replaces itself.

    Examples
    --------
    >>> len(Variants(np.array([4]), np.array([0], np.uint8), np.array([2], np.uint8)))
    1
    """

    positions: npt.NDArray[np.int64]
    ref: Codes
    alt: Codes

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", np.asarray(self.positions, dtype=np.int64))
        object.__setattr__(self, "ref", np.asarray(self.ref, dtype=np.uint8))
        object.__setattr__(self, "alt", np.asarray(self.alt, dtype=np.uint8))
        if not self.positions.shape == self.ref.shape == self.alt.shape or self.ref.ndim != 1:
            raise VariantError(
                f"positions, ref and alt have shapes {self.positions.shape}, {self.ref.shape}, "
                f"{self.alt.shape}; give one of each for every variant"
            )
        bad = (self.ref >= UNKNOWN) | (self.alt >= UNKNOWN) | (self.ref == self.alt)
        if bad.any():
            first = int(bad.argmax())
            raise VariantError(
                f"variant {first} replaces code {self.ref[first]} by {self.alt[first]}; both must "
                "be known bases (0-3), and differ"
            )

    def __len__(self) -> int:
        return len(self.positions)

    def apply(self, codes: Codes) -> Codes:
        """Make one mutated sequence of each variant.

        Parameters
        ----------
        codes : ndarray of uint8, shape (L,)
            The sequence.

        Returns
        -------
        mutants : ndarray of uint8, shape (V, L)
            Copies with one base replaced.

        Raises
        ------
        VariantError
            If a position lies outside, or the sequence has another base there than ``ref``.

        Examples
        --------
        >>> from hypecheck.sequences import encode
        >>> decode(snvs(encode("AC"), positions=[1]).apply(encode("AC")))
        ['AA', 'AG', 'AT']
        """
        _check_fit(codes, self)
        mutants = np.repeat(np.asarray(codes)[None], len(self), axis=0)
        mutants[np.arange(len(self)), self.positions] = self.alt
        return mutants


def snvs(codes: Codes, positions: npt.ArrayLike | None = None) -> Variants:
    """List all three substitutions at every known base.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        The sequence.
    positions : array_like of int, optional
        Where; by default everywhere. Unknown bases are passed over.

    Returns
    -------
    variants : Variants
        By position, then by alternative base in the order A, C, G, T.

    Raises
    ------
    VariantError
        If a position lies outside the sequence.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> variants = snvs(encode("ANG"))
    >>> variants.positions.tolist(), decode(variants.ref), decode(variants.alt)
    ([0, 0, 0, 2, 2, 2], 'AAAGGG', 'CGTACT')
    """
    codes = check_codes(codes, ndim=1)
    chosen = np.arange(len(codes)) if positions is None else np.asarray(positions, dtype=np.int64)
    _check_positions(codes, chosen)
    chosen = chosen[codes[chosen] < UNKNOWN]
    where = np.repeat(chosen, 4)
    alt = np.tile(np.arange(4, dtype=np.uint8), len(chosen))
    real = codes[where] != alt
    return Variants(where[real], codes[where][real], alt[real])


def base_log_probabilities(
    model: Transformer,
    tokenizer: Tokenizer,
    codes: Codes,
    positions: npt.ArrayLike,
    *,
    context: int | None = None,
    batch_size: int = 64,
) -> npt.NDArray[np.float64]:
    """Ask a masked model which base stands at each position, hiding it.

    Parameters
    ----------
    model : Transformer
        A masked model.
    tokenizer : Tokenizer
        Its tokenizer, with one token per base.
    codes : ndarray of uint8, shape (L,)
        The sequence.
    positions : array_like of int, shape (P,)
        Which bases to hide, one at a time.
    context : int, optional
        Length of the window around a position, in bp; by default the smaller of L and the model's
        ``max_length``.
    batch_size : int, default 64
        Windows at a time.

    Returns
    -------
    log_probs : ndarray of float64, shape (P, 4)
        Natural logarithm of the probabilities of A, C, G, T; each row's probabilities sum to 1.

    Raises
    ------
    ValueError
        If the model is causal, or the tokenizer does not give one token per base.
    VariantError
        If a position lies outside the sequence.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.sequences import encode
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> model = Transformer(TransformerConfig(vocab_size=7))
    >>> log_probs = base_log_probabilities(model, CharTokenizer(), encode("ACGTACGT"), [2, 5])
    >>> np.exp(log_probs).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    base_ids = _check_model(model, tokenizer)
    codes = check_codes(codes, ndim=1)
    chosen = np.asarray(positions, dtype=np.int64)
    _check_positions(codes, chosen)
    width = min(len(codes), context or model.config.max_length, model.config.max_length)
    starts = np.clip(chosen - width // 2, 0, len(codes) - width)
    tokens = torch.from_numpy(tokenizer.encode(str(decode(codes))))
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        for first in range(0, len(chosen), batch_size):
            part = slice(first, first + batch_size)
            windows = tokens[torch.from_numpy(starts[part, None] + np.arange(width))]  # (B, width)
            places = torch.arange(len(windows)), torch.from_numpy(chosen[part] - starts[part])
            windows[places] = tokenizer.mask_id
            logits = model.decode(model.embed(windows)[places])[:, base_ids]  # (B, 4)
            rows.append(logits.double().log_softmax(-1))
    return torch.cat(rows).numpy() if rows else np.empty((0, 4))


def log_likelihood_ratio(
    model: Transformer,
    tokenizer: Tokenizer,
    codes: Codes,
    variants: Variants,
    *,
    context: int | None = None,
    both_strands: bool = False,
    batch_size: int = 64,
) -> npt.NDArray[np.float64]:
    """Score variants by ``log p(alt) - log p(ref)`` with the base hidden (masked marginals).

    Parameters
    ----------
    model : Transformer
        A masked model.
    tokenizer : Tokenizer
        Its tokenizer, with one token per base.
    codes : ndarray of uint8, shape (L,)
        The reference sequence.
    variants : Variants
        Substitutions in it.
    context : int, optional
        As in `base_log_probabilities`.
    both_strands : bool, default False
        Average the scores of the sequence and of its reverse complement.
    batch_size : int, default 64
        Windows at a time; there is one window per position, not per variant.

    Returns
    -------
    llr : ndarray of float64, shape (V,)
        Nats; negative where the model finds the variant less likely than the reference.

    Raises
    ------
    VariantError
        If a variant's ``ref`` is not what the sequence has there.
    ValueError
        If the model is causal, or the tokenizer does not give one token per base.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.sequences import encode
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> model = Transformer(TransformerConfig(vocab_size=7))
    >>> codes = encode("ACGTACGT")
    >>> log_likelihood_ratio(model, CharTokenizer(), codes, snvs(codes)).shape
    (24,)
    """
    codes = check_codes(codes, ndim=1)
    _check_fit(codes, variants)
    positions, row = np.unique(variants.positions, return_inverse=True)
    log_probs = base_log_probabilities(
        model, tokenizer, codes, positions, context=context, batch_size=batch_size
    )
    llr: npt.NDArray[np.float64] = log_probs[row, variants.alt] - log_probs[row, variants.ref]
    if not both_strands:
        return llr
    mirrored = Variants(len(codes) - 1 - variants.positions, 3 - variants.ref, 3 - variants.alt)
    other = log_likelihood_ratio(
        model,
        tokenizer,
        reverse_complement(codes),
        mirrored,
        context=context,
        batch_size=batch_size,
    )
    return (llr + other) / 2


def in_silico_mutagenesis(
    model: nn.Module, codes: Codes, *, batch_size: int = 32
) -> npt.NDArray[np.float32]:
    """Replace every base by every other and see what a classifier makes of it.

    Parameters
    ----------
    model : ConvNet, or another module from codes (B, L) to logits (B, C)
        The model.
    codes : ndarray of uint8, shape (L,)
        One sequence.
    batch_size : int, default 32
        Mutants at a time; batches that outgrow the processor's cache take twice as long.

    Returns
    -------
    effects : ndarray of float32, shape (L, 4, C)
        Change of the logits when that base stands at that position: zero where it stood already,
        and NaN where the sequence has an unknown base. The change of the log-odds of class 1
        against class 0 is ``effects[..., 1] - effects[..., 0]``.

    Examples
    --------
    >>> from hypecheck.models import ConvNet, ConvNetConfig
    >>> from hypecheck.sequences import encode
    >>> in_silico_mutagenesis(ConvNet(ConvNetConfig()), encode("ACGTACGT")).shape
    (8, 4, 2)
    """
    codes = check_codes(codes, ndim=1)
    variants = snvs(codes)
    torch.set_num_threads(1)
    with torch.inference_mode():
        reference = model(torch.from_numpy(codes[None]))  # (1, C)
        mutants = torch.split(torch.from_numpy(variants.apply(codes)), batch_size)
        logits = torch.cat([reference, *(model(batch) for batch in mutants)])
    effects = np.full((len(codes), 4, logits.shape[1]), np.nan, dtype=np.float32)
    effects[codes < UNKNOWN] = 0
    effects[variants.positions, variants.alt] = (logits[1:] - reference).numpy()
    return effects


def _check_model(model: Transformer, tokenizer: Tokenizer) -> Tensor:
    """Refuse what cannot be scored; return the ids of A, C, G, T."""
    check_vocabulary(model, tokenizer)
    if model.config.causal:
        raise ValueError(
            "hiding one base needs a model that sees both sides; train a masked one "
            "(TransformerConfig(causal=False), MaskedObjective())"
        )
    base_ids = tokenise(tokenizer, list(ALPHABET))
    if base_ids.shape != (4, 1) or len(tokenizer.encode(ALPHABET * 4)) != 16:
        raise ValueError(
            "hiding one base needs one token per base; use a model trained with CharTokenizer()"
        )
    return base_ids[:, 0]


def _check_positions(codes: Codes, positions: npt.NDArray[np.int64]) -> None:
    outside = (positions < 0) | (positions >= len(codes))
    if outside.any():
        raise VariantError(
            f"position {positions[outside.argmax()]} lies outside the sequence of {len(codes)} bp; "
            "positions count from 0"
        )


def _check_fit(codes: Codes, variants: Variants) -> None:
    _check_positions(codes, variants.positions)
    wrong = codes[variants.positions] != variants.ref
    if wrong.any():
        first = int(wrong.argmax())
        position = variants.positions[first]
        raise VariantError(
            f"variant {first} expects {ALPHABET[variants.ref[first]]} at position {position}, but "
            f"the sequence has {decode(codes[position : position + 1])}; check the strand, and "
            "whether positions count from 0"
        )
