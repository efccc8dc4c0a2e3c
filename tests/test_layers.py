import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.layers import MAX_OFFSET, Attention, Block, RelativeBias, attend, preferred_offsets
from hypecheck.models import seeded


def build(layer, *arguments, **options):
    with seeded(0):
        return layer(*arguments, **options)


def test_bias_starts_at_the_written_formula():
    table = RelativeBias(4).table
    for head, preferred in enumerate([-1, 1, -2, 2]):
        for offset in range(-MAX_OFFSET, MAX_OFFSET + 1):
            expected = -0.7 * min(abs(offset - preferred), 8)
            assert table[head, offset + MAX_OFFSET].item() == pytest.approx(expected)


def test_bias_depends_on_the_offset_alone_and_is_flat_far_away():
    bias = RelativeBias(2)(30)
    assert torch.equal(bias[:, 1:, 1:], bias[:, :-1, :-1])
    assert torch.equal(bias[:, 20, :13], bias[:, 20, :1].expand(-1, 13))


def test_causal_heads_prefer_only_what_they_can_see():
    assert preferred_offsets(3, causal=True) == [-1, -2, -3]
    assert preferred_offsets(6) == [-1, 1, -2, 2, -3, 3]


def test_attend_by_hand():
    query = torch.tensor([[[[2.0], [0.0]]]])
    key = torch.tensor([[[[1.0], [-1.0]]]])
    value = torch.tensor([[[[1.0], [3.0]]]])
    near = torch.sigmoid(torch.tensor(4.0))  # scores 2 and -2
    expected = torch.stack([near * 1 + (1 - near) * 3, torch.tensor(2.0)])
    torch.testing.assert_close(attend(query, key, value).flatten(), expected)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_as_written_equals_the_fused_kernel(causal):
    attention = build(Attention, 16, 4, causal=causal)
    x = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(9)[None] < torch.tensor([[9], [5]])
    written = attention(x, mask)
    with torch.no_grad():
        fused = attention(x, mask)
    torch.testing.assert_close(written[mask], fused[mask])


def test_attention_equals_torchs_own_multihead_attention():
    ours = build(Attention, 12, 3, positions="absolute")
    peer = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(ours.query_key_value.weight)
        peer.in_proj_bias.copy_(ours.query_key_value.bias)
        peer.out_proj.weight.copy_(ours.output.weight)
        peer.out_proj.bias.copy_(ours.output.bias)
    x = torch.randn(2, 7, 12, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(ours(x), peer(x, x, x, need_weights=False)[0])


def test_attention_with_bias_equals_a_slow_loop():
    attention = build(Attention, 8, 2)
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(3))
    query, key, value = attention.query_key_value(x)[0].split(8, dim=-1)
    mixed = torch.zeros(5, 8)
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        for i in range(5):
            scores = [
                query[i, part] @ key[j, part] / 2 + attention.bias.table[head, j - i + MAX_OFFSET]
                for j in range(5)
            ]
            weights = torch.stack(scores).softmax(0)
            mixed[i, part] = sum(weights[j] * value[j, part] for j in range(5))
    torch.testing.assert_close(attention(x)[0], attention.output(mixed))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_block_equals_torchs_own_encoder_layer(norm):
    ours = build(Block, 12, 3, 20, positions="absolute", norm=norm)
    peer = torch.nn.TransformerEncoderLayer(
        12, 3, 20, dropout=0.0, activation=F.gelu, batch_first=True, norm_first=norm == "pre"
    )
    attention, wide, narrow = ours.attention, ours.feed_forward[0], ours.feed_forward[2]
    with torch.no_grad():
        peer.self_attn.in_proj_weight.copy_(attention.query_key_value.weight)
        peer.self_attn.in_proj_bias.copy_(attention.query_key_value.bias)
        peer.self_attn.out_proj.load_state_dict(attention.output.state_dict())
        peer.linear1.load_state_dict(wide.state_dict())
        peer.linear2.load_state_dict(narrow.state_dict())
    x = torch.randn(2, 7, 12, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(ours(x), peer(x))


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 8), positions=st.sampled_from(["relative", "absolute"]))
def test_causal_block_never_sees_the_future(cut, positions):
    block = build(Block, 8, 2, 16, causal=True, positions=positions)
    x = torch.randn(1, 9, 8, generator=torch.Generator().manual_seed(5))
    changed = x.clone()
    changed[:, cut:] += 1
    torch.testing.assert_close(block(x)[:, :cut], block(changed)[:, :cut])
    assert not torch.allclose(block(x)[:, cut:], block(changed)[:, cut:])


@settings(max_examples=15, deadline=None)
@given(padding=st.integers(1, 6), causal=st.booleans())
def test_padding_changes_nothing(padding, causal):
    block = build(Block, 8, 2, 16, causal=causal)
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(6))
    padded = torch.cat([x, torch.full((2, padding, 8), 7.0)], dim=1)
    mask = (torch.arange(5 + padding) < 5).expand(2, -1)
    torch.testing.assert_close(block(padded, mask)[:, :5], block(x))


def test_without_positions_attention_cannot_tell_order():
    plain = build(Block, 8, 2, 16, positions="absolute")  # the model adds them, not the block
    local = build(Block, 8, 2, 16)
    x = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(plain(x.flip(1)), plain(x).flip(1))
    assert not torch.allclose(local(x.flip(1)), local(x).flip(1))
