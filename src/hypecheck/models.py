"""Tiny models: a transformer over tokens, a convolutional classifier over bases; saved and loaded.

Design choices

- A model is a frozen dataclass of hyper-parameters plus one ``nn.Module``. The same configuration
  and seed give the same weights, and building a model leaves torch's global generator alone; so an
  untrained twin is the same configuration with another seed.
- ``Transformer.embed`` gives one vector per token, ``decode`` turns vectors into logits: training
  decodes only the tokens that count, and classifiers take the vectors.
- Pre-LN models end with one more layer norm, post-LN models start with one, as in GPT-2 and BERT.
  Masked models decode through a dense layer, GELU and layer norm, as BERT does; causal models
  decode directly, as GPT-2 does.
- Weights are stored as safetensors, never as pickles, with the configuration as JSON in the file's
  metadata.

References
----------
Devlin et al. 2019, BERT, arXiv:1810.04805.
Press and Wolf 2017, Using the output embedding to improve language models, arXiv:1608.05859.
Alipanahi et al. 2015, DeepBind, https://doi.org/10.1038/nbt.3300.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.layers import Block, NormPlace, Positions
from hypecheck.tensor_files import ModelFileError, read_tensors, write_tensors
from hypecheck.tokenizers import MASK, PAD, UNK, Tokenizer

FORMAT = "hypecheck.model.1"
EMBEDDING_SD = 0.1  # with tied weights, the first logits then have a spread of about one nat

Head = Literal["global", "positional"]


class VocabularyMismatchError(ValueError):
    """Token ids or a tokenizer that do not fit the model; the message says both sizes."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed` inside, and leave its global state as it was.

    Parameters
    ----------
    seed : int
        Seed, 0 or more.

    Examples
    --------
    >>> with seeded(1):
    ...     first = torch.rand(2)
    >>> with seeded(1):
    ...     bool((torch.rand(2) == first).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True)
class TransformerConfig:
    """Hyper-parameters of a `Transformer`.

    Parameters
    ----------
    vocab_size : int
        Number of token ids V, special ones included.
    d_model, n_layers, n_heads, d_ff : int
        Width D, number of layers (none for a model that sees no context), heads per layer, width
        inside the feed-forward part.
    max_length : int, default 512
        Longest sequence of tokens that is accepted.
    causal : bool, default False
        Whether a token sees only tokens to its left.
    tied : bool, default True
        Whether the decoder uses the embedding matrix.
    positions : {"relative", "absolute"}, default "relative"
        Learned local bias of the scores, or learned vectors added to the embeddings.
    norm : {"pre", "post"}, default "pre"
        Where the layer norms stand.

    Raises
    ------
    ValueError
        If a size is not positive, or `d_model` is no multiple of `n_heads`.
    """

    vocab_size: int
    d_model: int = 64
    n_layers: int = 2
    n_heads: int = 4
    d_ff: int = 128
    max_length: int = 512
    causal: bool = False
    tied: bool = True
    positions: Positions = "relative"
    norm: NormPlace = "pre"

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "n_heads", "d_ff", "max_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.n_layers < 0:
            raise ValueError(f"n_layers must be 0 or more, got {self.n_layers}")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model {self.d_model} is no multiple of n_heads {self.n_heads}; "
                f"take d_model {self.n_heads * max(1, self.d_model // self.n_heads)}"
            )
        _check_choice("positions", self.positions, ("relative", "absolute"))
        _check_choice("norm", self.norm, ("pre", "post"))


class Transformer(nn.Module):
    """A small transformer language model, masked or causal.

    Parameters
    ----------
    config : TransformerConfig
        Hyper-parameters.
    seed : int, default 0
        Seed of the initial weights.

    Examples
    --------
    >>> model = Transformer(TransformerConfig(vocab_size=7), seed=1)
    >>> model(torch.tensor([[3, 4, 5, 6]])).shape
    torch.Size([1, 4, 7])
    """

    def __init__(self, config: TransformerConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        d_model = config.d_model
        post = config.norm == "post"
        with seeded(seed):
            self.token_embedding = nn.Embedding(config.vocab_size, d_model)
            nn.init.normal_(self.token_embedding.weight, std=EMBEDDING_SD)
            self.position_embedding = None
            if config.positions == "absolute":
                self.position_embedding = nn.Embedding(config.max_length, d_model)
                nn.init.normal_(self.position_embedding.weight, std=EMBEDDING_SD)
            self.input_norm = nn.LayerNorm(d_model) if post else nn.Identity()
            self.blocks = nn.ModuleList(
                Block(
                    d_model,
                    config.n_heads,
                    config.d_ff,
                    causal=config.causal,
                    positions=config.positions,
                    norm=config.norm,
                )
                for _ in range(config.n_layers)
            )
            self.output_norm = nn.Identity() if post else nn.LayerNorm(d_model)
            self.head: nn.Module = nn.Identity()
            if not config.causal:
                self.head = nn.Sequential(
                    nn.Linear(d_model, d_model), nn.GELU(), nn.LayerNorm(d_model)
                )
            self.decoder = (
                None if config.tied else nn.Linear(d_model, config.vocab_size, bias=False)
            )
            self.decoder_bias = nn.Parameter(torch.zeros(config.vocab_size))

    def embed(self, token_ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give every token a vector that knows its context.

        Parameters
        ----------
        token_ids : Tensor of int64, shape (B, T)
            Token ids below ``vocab_size``.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens, False for padding (see `padding_mask`).

        Returns
        -------
        hidden : Tensor, shape (B, T, D)
            Output of the last layer, normalised.

        Raises
        ------
        ValueError
            If there are more than ``max_length`` tokens.
        """
        length = token_ids.shape[1]
        if length > self.config.max_length:
            raise ValueError(
                f"{length} tokens, but the model takes at most {self.config.max_length}; "
                "cut the sequences, or build the model with a larger max_length"
            )
        x = self.token_embedding(token_ids)  # (B, T, D)
        if self.position_embedding is not None:
            x = x + self.position_embedding.weight[:length]
        x = self.input_norm(x)
        for block in self.blocks:
            x = block(x, mask)
        return self.output_norm(x)

    def decode(self, hidden: Tensor) -> Tensor:
        """Turn vectors into logits over the vocabulary.

        Parameters
        ----------
        hidden : Tensor, shape (..., D)
            Vectors from `embed`, all or some of them.

        Returns
        -------
        logits : Tensor, shape (..., V)
            Logits in nats.
        """
        weight = self.token_embedding.weight if self.decoder is None else self.decoder.weight
        return F.linear(self.head(hidden), weight, self.decoder_bias)

    def forward(self, token_ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Predict the token at every position (masked) or the next one (causal).

        Parameters
        ----------
        token_ids : Tensor of int64, shape (B, T)
            Token ids below ``vocab_size``.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens.

        Returns
        -------
        logits : Tensor, shape (B, T, V)
            Logits in nats.
        """
        return self.decode(self.embed(token_ids, mask))


def padding_mask(token_ids: Tensor) -> Tensor | None:
    """Say which tokens are real.

    Parameters
    ----------
    token_ids : Tensor of int64, shape (B, T)
        Token ids, padded with 0.

    Returns
    -------
    mask : Tensor of bool, shape (B, T), or None
        True for real tokens; None where all are, which lets attention skip the mask.

    Examples
    --------
    >>> padding_mask(torch.tensor([[3, 4, 0]]))
    tensor([[ True,  True, False]])
    >>> padding_mask(torch.tensor([[3, 4, 5]])) is None
    True
    """
    real = token_ids != PAD
    return None if bool(real.all()) else real


def pool_tokens(hidden: Tensor, mask: Tensor | None = None, pool: str = "mean+max") -> Tensor:
    """Make one vector per sequence of its token vectors.

    Parameters
    ----------
    hidden : Tensor, shape (B, T, D)
        Token vectors.
    mask : Tensor of bool, shape (B, T), optional
        True for real tokens; the others do not count.
    pool : {"mean", "max", "mean+max"}, default "mean+max"
        The mean over tokens, the maximum, or both side by side.

    Returns
    -------
    pooled : Tensor, shape (B, D) or (B, 2 D)
        Sequence vectors.

    Examples
    --------
    >>> pool_tokens(torch.tensor([[[1.0], [3.0]]]))
    tensor([[2., 3.]])
    """
    _check_choice("pool", pool, ("mean", "max", "mean+max"))
    if mask is None:
        mean, largest = hidden.mean(1), hidden.amax(1)  # (B, D)
    else:
        real = mask[:, :, None]
        mean = (hidden * real).sum(1) / real.sum(1)
        largest = hidden.masked_fill(~real, -torch.inf).amax(1)
    return {"mean": mean, "max": largest}.get(pool, torch.cat([mean, largest], -1))


@dataclass(frozen=True)
class ClassifierConfig:
    """Hyper-parameters of a `Classifier`.

    Parameters
    ----------
    body : TransformerConfig
        The transformer below the head.
    n_classes : int, default 2
        Number of classes C.
    """

    body: TransformerConfig
    n_classes: int = 2


class Classifier(nn.Module):
    """A transformer body and a linear head over its pooled (mean and max) token vectors.

    Parameters
    ----------
    config : ClassifierConfig
        Hyper-parameters.
    seed : int, default 0
        Seed of the initial weights, body and head.

    Examples
    --------
    >>> model = Classifier(ClassifierConfig(TransformerConfig(vocab_size=7), n_classes=3))
    >>> model(torch.tensor([[3, 4, 5, 6]])).shape
    torch.Size([1, 3])
    """

    def __init__(self, config: ClassifierConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self.body = Transformer(config.body, seed=seed)
        with seeded(seed):
            self.head = nn.Linear(2 * config.body.d_model, config.n_classes)

    def forward(self, token_ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Classify.

        Parameters
        ----------
        token_ids : Tensor of int64, shape (B, T)
            Token ids.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens.

        Returns
        -------
        logits : Tensor, shape (B, C)
            Class logits.
        """
        return self.head(pool_tokens(self.body.embed(token_ids, mask), mask))


@dataclass(frozen=True)
class ConvNetConfig:
    """Hyper-parameters of a `ConvNet`.

    Parameters
    ----------
    n_classes : int, default 2
        Number of classes C.
    channels : tuple of int, default (48, 64)
        Filters of the two convolutions.
    kernels : tuple of int, default (9, 7)
        Their widths, odd; the second sees pooled positions.
    pool : int, default 4
        Positions that the max-pooling between the two makes one of.
    head : {"global", "positional"}, default "global"
        "global" asks how much of each pattern there is anywhere (mean and maximum over
        positions); "positional" also asks where, with a weight for each position.
    length : int, optional
        Sequence length L in bp; the positional head needs it.

    Raises
    ------
    ValueError
        If a size does not fit.
    """

    n_classes: int = 2
    channels: tuple[int, int] = (48, 64)
    kernels: tuple[int, int] = (9, 7)
    pool: int = 4
    head: Head = "global"
    length: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON brings lists
        object.__setattr__(self, "kernels", tuple(self.kernels))
        _check_choice("head", self.head, ("global", "positional"))
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels must be odd to keep positions in place, got {self.kernels}")
        if self.head == "positional" and self.length is None:
            raise ValueError("the positional head needs to know length, the sequence length in bp")
        if self.length is not None and self.length < self.pool:
            raise ValueError(f"length {self.length} bp is shorter than one pool of {self.pool}")


class ConvNet(nn.Module):
    """A convolutional DNA classifier: motif filters, pooling, motif combinations, linear head.

    Parameters
    ----------
    config : ConvNetConfig
        Hyper-parameters.
    seed : int, default 0
        Seed of the initial weights.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = ConvNet(ConvNetConfig())
    >>> model(torch.from_numpy(encode(["ACGTACGT", "TTTTTTTT"]))).shape
    torch.Size([2, 2])
    >>> n_parameters(model)
    23602
    """

    one_hot_of_code: Tensor

    def __init__(self, config: ConvNetConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        (first, second), (wide, narrow) = config.channels, config.kernels
        table = torch.cat([torch.eye(4), torch.zeros(1, 4)])  # unknown bases are zeros
        self.register_buffer("one_hot_of_code", table, persistent=False)
        n_features = 2 * second
        if config.head == "positional":
            n_features = second * ((config.length or 0) // config.pool)
        with seeded(seed):
            self.motifs = nn.Conv1d(4, first, wide, padding=wide // 2)
            self.combinations = nn.Conv1d(first, second, narrow, padding=narrow // 2)
            self.head = nn.Linear(n_features, config.n_classes)

    def forward(self, codes: Tensor) -> Tensor:
        """Classify sequences given as codes.

        Parameters
        ----------
        codes : Tensor of integers, shape (B, L)
            Codes 0–4.

        Returns
        -------
        logits : Tensor, shape (B, C)
            Class logits.
        """
        return self.from_one_hot(F.embedding(codes.long(), self.one_hot_of_code))

    def from_one_hot(self, one_hot: Tensor) -> Tensor:
        """Classify sequences given as one-hot rows, through which gradients can flow.

        Parameters
        ----------
        one_hot : Tensor, shape (B, L, 4)
            One-hot bases, or any mixture of them.

        Returns
        -------
        logits : Tensor, shape (B, C)
            Class logits.

        Raises
        ------
        ValueError
            If L is not the length that a positional head was built for, or shorter than one pool.
        """
        length, expected = one_hot.shape[1], self.config.length
        if expected is not None and length != expected:
            raise ValueError(f"sequences of {length} bp, but the model was built for {expected}")
        if length < self.config.pool:
            raise ValueError(
                f"sequences of {length} bp; the model needs {self.config.pool} or more"
            )
        x = self.motifs(one_hot.transpose(1, 2))  # (B, C1, L)
        # the largest of ReLUs is the ReLU of the largest, and pooling first leaves fewer numbers
        x = F.relu(F.max_pool1d(x, self.config.pool))  # (B, C1, L // pool)
        x = F.relu(self.combinations(x))  # (B, C2, L // pool)
        if self.config.head == "positional":
            return self.head(x.flatten(1))
        return self.head(torch.cat([x.amax(-1), x.mean(-1)], -1))


Model = Transformer | Classifier | ConvNet
AnyModel = TypeVar("AnyModel", Transformer, Classifier, ConvNet)


def n_parameters(model: nn.Module) -> int:
    """Count the numbers that training can change; shared ones count once.

    Parameters
    ----------
    model : nn.Module
        Any torch model.

    Returns
    -------
    n : int
        Number of parameters.

    Examples
    --------
    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def random_twin(model: AnyModel, seed: int) -> AnyModel:
    """Build an untrained model of the same configuration: the control of every pretrained one.

    Parameters
    ----------
    model : Transformer, Classifier or ConvNet
        The model to match.
    seed : int
        Seed of the twin's weights.

    Returns
    -------
    twin : same type as `model`
        Same shapes, other numbers, nothing learnt.

    Examples
    --------
    >>> model = Transformer(TransformerConfig(vocab_size=7), seed=0)
    >>> n_parameters(random_twin(model, seed=1)) == n_parameters(model)
    True
    """
    return type(model)(model.config, seed=seed)


def check_vocabulary(model: Transformer, tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer whose ids are not the ones that the model has vectors for.

    Parameters
    ----------
    model : Transformer
        The model.
    tokenizer : Tokenizer
        The tokenizer.

    Raises
    ------
    VocabularyMismatchError
        If the two vocabulary sizes differ, or the special ids are not PAD 0, MASK 1, UNK 2.
    """
    if tokenizer.vocab_size != model.config.vocab_size:
        raise VocabularyMismatchError(
            f"the tokenizer has {tokenizer.vocab_size} ids, the model {model.config.vocab_size}; "
            "use the tokenizer that the model was trained with, or build the model with "
            f"vocab_size={tokenizer.vocab_size}"
        )
    special = (tokenizer.pad_id, tokenizer.mask_id, tokenizer.unk_id)
    if special != (PAD, MASK, UNK):
        raise VocabularyMismatchError(
            f"the tokenizer's PAD, MASK, UNK are {special}, but these models need "
            f"{(PAD, MASK, UNK)}; fit a tokenizer of this package"
        )


def check_token_ids(model: Transformer, token_ids: Tensor) -> None:
    """Refuse token ids that the model has no vectors for.

    Parameters
    ----------
    model : Transformer
        The model.
    token_ids : Tensor of int64
        Token ids, any shape.

    Raises
    ------
    VocabularyMismatchError
        If an id is negative or not below ``vocab_size``.
    ValueError
        If there are no ids.
    """
    if token_ids.numel() == 0:
        raise ValueError("no tokens: the sequence or the list of sequences is empty")
    low, high = int(token_ids.min()), int(token_ids.max())
    if low < 0 or high >= model.config.vocab_size:
        raise VocabularyMismatchError(
            f"token ids run from {low} to {high}, but the model knows 0 to "
            f"{model.config.vocab_size - 1}; use the tokenizer that the model was trained with"
        )


def save(model: Model, path: str | os.PathLike[str], *, half: bool = False) -> None:
    """Write weights and configuration to one safetensors file, atomically.

    Parameters
    ----------
    model : Transformer, Classifier or ConvNet
        The model.
    path : path
        Where to; an existing file is replaced only when the new one is complete.
    half : bool, default False
        Store numbers as float16, half the size and about three digits.

    See Also
    --------
    load : the way back.
    """
    weights = {
        name: tensor.half() if half else tensor for name, tensor in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "kind": type(model).__name__,
        "config": json.dumps(dataclasses.asdict(model.config)),
    }
    write_tensors(weights, metadata, path)


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model that `save` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    model : Transformer, Classifier or ConvNet
        The model, its weights as float32.

    Raises
    ------
    ModelFileError
        If the file is no model of this package, or its weights do not fit its configuration.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> model = ConvNet(ConvNetConfig(head="positional", length=12), seed=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "model.safetensors")
    ...     twin = load(Path(folder) / "model.safetensors")
    >>> codes = torch.tensor([[0, 1, 2, 3] * 3])
    >>> bool((twin(codes) == model(codes)).all())
    True
    """
    weights, metadata = read_tensors(path)
    build = _BUILDERS.get(metadata.get("kind", ""))
    if metadata.get("format") != FORMAT or build is None:
        raise ModelFileError(
            f"{path} holds tensors but no model of this package (format "
            f"{metadata.get('format')!r}, expected {FORMAT!r}); write it with models.save"
        )
    model = build(json.loads(metadata["config"]))
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except RuntimeError as error:
        raise ModelFileError(f"{path}: weights do not fit their configuration: {error}") from error
    return model


_BUILDERS: Mapping[str, Callable[[dict[str, Any]], Model]] = {
    "Transformer": lambda config: Transformer(TransformerConfig(**config)),
    "ConvNet": lambda config: ConvNet(ConvNetConfig(**config)),
    "Classifier": lambda config: Classifier(
        ClassifierConfig(TransformerConfig(**config["body"]), config["n_classes"])
    ),
}


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
