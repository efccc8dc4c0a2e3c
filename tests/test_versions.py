"""Versions: a head refuses a model it was not made for, and runs silently if nobody checks."""

import numpy as np
import pytest

from hypecheck.models import Transformer, TransformerConfig, load, save
from hypecheck.sequences import LabelledSequences
from hypecheck.tokenizers import CharTokenizer
from hypecheck.versions import VersionMismatchError, fingerprint, train_head

ROWS = LabelledSequences(
    np.repeat([[0], [3]], 20, axis=0).repeat(12, axis=1).astype(np.uint8), np.repeat([0, 1], 20)
)


def model(seed):
    return Transformer(TransformerConfig(7, d_model=8), seed=seed)


def test_a_saved_model_keeps_its_fingerprint(tmp_path):
    save(model(0), tmp_path / "m.safetensors")
    assert fingerprint(load(tmp_path / "m.safetensors")) == fingerprint(model(0))


def test_one_weight_changes_it():
    other = model(0)
    next(iter(other.parameters())).data[0] += 1e-6
    assert fingerprint(other) != fingerprint(model(0))


def test_a_wrong_version_is_refused_or_goes_unnoticed():
    head = train_head(model(0), CharTokenizer(), ROWS, ROWS)
    assert (head.predict(model(0), ROWS.codes) == ROWS.labels).all()
    with pytest.raises(VersionMismatchError, match="the head was made for"):
        head.predict(model(1), ROWS.codes)
    assert len(head.predict(model(1), ROWS.codes, check=False)) == 40
