import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import FIRST_ORDINARY_ID, CausalObjective, MaskedObjective
from hypecheck.tokenizers import MASK, PAD


def rng(seed=0):
    return np.random.default_rng(seed)


def ids(rows=4, length=10, vocab_size=9, seed=0):
    return torch.from_numpy(rng(seed).integers(FIRST_ORDINARY_ID, vocab_size, (rows, length)))


def test_eighty_ten_ten():
    true = ids(200, 500, vocab_size=103)
    shown, chosen = MaskedObjective().corrupt(true, 103, rng(1))
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.01)
    masked = (shown[chosen] == MASK).float().mean().item()
    kept = (shown[chosen] == true[chosen]).float().mean().item()
    assert masked == pytest.approx(0.8, abs=0.02)
    assert kept == pytest.approx(0.1 + 0.1 / 100, abs=0.02)
    assert torch.equal(shown[~chosen], true[~chosen])
    assert int(shown[chosen & (shown != MASK)].min()) >= FIRST_ORDINARY_ID


@settings(max_examples=20, deadline=None)
@given(span=st.integers(1, 6), share=st.floats(0.05, 0.6))
def test_spans_cover_the_stated_share_in_runs(span, share):
    chosen = MaskedObjective(share=share, span=span).choose(np.ones((50, 2000), bool), rng(2))
    assert chosen.mean() == pytest.approx(share, abs=0.02)
    inside = np.diff(np.pad(chosen[:, span:-span].astype(int), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(inside == 1), np.argwhere(inside == -1)
    runs = (ends - starts)[:, 1]
    whole = (starts[:, 1] > 0) & (ends[:, 1] < chosen.shape[1] - 2 * span)
    assert runs[whole].min() >= span


def test_padding_is_never_chosen_and_something_always_is():
    true = torch.tensor([[4, PAD, PAD, PAD], [PAD, PAD, PAD, PAD]])
    for seed in range(20):
        shown, chosen = MaskedObjective(share=0.01).corrupt(true, 9, rng(seed))
        assert chosen.tolist() == [[True, False, False, False], [False] * 4]
        assert torch.equal(shown[true == PAD], true[true == PAD])


def test_evaluation_hides_every_chosen_token():
    shown, chosen = MaskedObjective().for_evaluation().corrupt(ids(50, 50), 9, rng())
    assert (shown[chosen] == MASK).all()
    assert CausalObjective().for_evaluation() == CausalObjective()


def test_masked_losses_equal_those_of_all_logits():
    model, true = Transformer(TransformerConfig(9), seed=1), ids()
    shown, chosen = MaskedObjective().corrupt(true, 9, rng(3))
    expected = F.cross_entropy(model(shown).transpose(1, 2), true, reduction="none")[chosen]
    torch.testing.assert_close(MaskedObjective().losses(model, true, rng(3)), expected)


@pytest.mark.parametrize("padding", [0, 3])
def test_causal_losses_equal_those_of_all_logits(padding):
    model, true = Transformer(TransformerConfig(9, causal=True), seed=1), ids()
    padded = F.pad(true, (0, padding))
    logits = model(true)[:, :-1].transpose(1, 2)
    expected = F.cross_entropy(logits, true[:, 1:], reduction="none").flatten()
    torch.testing.assert_close(CausalObjective().losses(model, padded, rng()), expected)


def test_objective_and_model_must_agree():
    with pytest.raises(ValueError, match="train it with CausalObjective"):
        MaskedObjective().losses(Transformer(TransformerConfig(9, causal=True)), ids(), rng())
    with pytest.raises(ValueError, match="the next token is no secret"):
        CausalObjective().losses(Transformer(TransformerConfig(9)), ids(), rng())


def test_bad_shares():
    with pytest.raises(ValueError, match="between 0 and 1, got 15"):
        MaskedObjective(share=15)
    with pytest.raises(ValueError, match="span must be 1 or more, got 0"):
        MaskedObjective(span=0)
    with pytest.raises(ValueError, match="add up to 1"):
        MaskedObjective(as_mask=0.8, as_random=0.3)
