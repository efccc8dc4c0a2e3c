"""Ways of joining two modalities, on worlds whose truth is known."""

import numpy as np
import pytest
import torch

from hypecheck import joining
from hypecheck.joint_autoencoder import PASSES, JointAutoencoder, fit_autoencoder
from hypecheck.optimisation import TrainingConfig
from hypecheck.paired_cells import cell_folds
from hypecheck.paired_worlds import paired_world

SHORT = TrainingConfig(steps=60, batch_size=32, learning_rate=5e-3, evaluate_every=20)


def world(draw, **options):
    return paired_world(400, np.random.default_rng(draw), **options)


def test_joining_reads_more_of_the_state_than_either():
    made = [world(draw, private=0.0) for draw in range(3)]
    read = {
        way: np.mean([joining.recovery(one, way, 2) for one in made])
        for way in ("first", "second", "canonical")
    }
    assert read["canonical"] > max(read["first"], read["second"]) + 0.02


def test_private_programmes_crowd_out_the_state_side_by_side():
    made = world(0, private=2.0)
    assert joining.recovery(made, "concatenation", 5) < 0.3
    assert joining.recovery(made, "canonical", 2) > 0.7


def test_dimensions_are_chosen_where_there_is_room():
    sizes, best = joining.tuned_dimensions(
        lambda d: world(d, private=2.0), ("first", "concatenation", "canonical"), (5,)
    )
    assert sizes["concatenation"] == 8
    assert best in joining.JOINED


def test_an_unknown_way_is_named():
    with pytest.raises(ValueError, match="no way is called 'magic'"):
        joining.vectors("magic", 2, (np.zeros((4, 2)),) * 2, (np.zeros((4, 2)),) * 2)


def test_filling_in_touches_only_what_is_lost():
    parts = joining.prepared(world(1))
    first, second = joining.with_missing(parts, np.random.default_rng(0), share=0.25)
    assert first is parts[0]
    assert (second != parts[1]).any(axis=1).sum() == 100
    same = joining.with_missing(parts, np.random.default_rng(0), share=0.0)[1]
    np.testing.assert_array_equal(same, parts[1])
    with pytest.raises(ValueError, match="share of the cells"):
        joining.with_missing(parts, np.random.default_rng(0), share=1.0)


def test_weights_point_to_tied_features():
    assert joining.driver_recovery(world(2, private=0.0), [0]) > 0.9


def test_types_come_from_held_out_cells():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 3)), np.arange(60) % 2
    found = joining.predicted_types(
        "first", 0, (x, x), labels, cell_folds(60, seed=0), lambda: KNeighborsClassifier(1)
    )
    assert 0.2 < (found == labels).mean() < 0.8  # a cell in its own training part would give 1


def test_a_missing_modality_does_not_move_the_vector():
    net = JointAutoencoder([4, 6])
    a, b = torch.randn(3, 4), torch.randn(3, 6)
    seen = torch.tensor([[True, False]] * 3)
    alone = net.encode([a, b], seen)
    torch.testing.assert_close(alone, net.encode([a, torch.full((3, 6), 9.0)], seen))
    torch.testing.assert_close(alone, net.encoders[0](a))
    torch.testing.assert_close(net.encode([a, b]), (net.encoders[0](a) + net.encoders[1](b)) / 2)


def test_autoencoder_learns_and_counts_its_operations():
    state = np.random.default_rng(0).normal(size=(200, 2))
    x = state @ np.random.default_rng(1).normal(size=(2, 6))
    fitted = fit_autoencoder([x, x], config=SHORT, latent=2)
    assert fitted.history[-1][1] > fitted.history[0][1]
    net = fitted.net
    assert net.n_weights == 2 * (6 * 32 + 32 * 2 + 2 * 32 + 32 * 6)
    assert fitted.operations(share=1.0) % (PASSES * net.n_weights * SHORT.batch_size) == 0
    again = fit_autoencoder([x, x], config=SHORT, latent=2)
    np.testing.assert_array_equal(again.embed([x, x]), fitted.embed([x, x]))


def test_a_cell_without_measurement_is_refused():
    seen = np.array([[True, True], [False, False]])
    with pytest.raises(ValueError, match="without any measurement"):
        fit_autoencoder([np.zeros((2, 3))] * 2, seen=seen)
