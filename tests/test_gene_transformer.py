"""The masked-gene transformer: what it reads, what it must not read, and a planted truth."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from hypecheck import cell_types as ct
from hypecheck import gene_transformer as gt
from hypecheck.optimisation import TrainingConfig
from hypecheck.studies import cell_types as study
from tests.test_cell_types import planted

SHORT = TrainingConfig(steps=60, batch_size=16, learning_rate=1e-2, evaluate_every=20)


def model(cells, seed=0):
    return gt.GeneTransformer(
        gt.GeneTransformerConfig(cells.shape[1], d_model=16), cells, seed=seed
    )


def test_order_of_genes_does_not_matter():
    cells = planted()[0]
    genes, order = torch.tensor([[0, 3, 5]]), [2, 0, 1]
    values = torch.tensor([[1.0, 0.5, 2.0]])
    made = model(cells)
    assert torch.allclose(made(genes, values), made(genes[:, order], values[:, order]), atol=1e-5)


def test_equal_seeds_give_equal_weights():
    cells = planted()[0]
    assert all(map(torch.equal, model(cells).parameters(), model(cells).parameters()))
    assert not torch.equal(model(cells).genes.weight, model(cells, seed=1).genes.weight)


def test_expressed_genes_are_drawn_first():
    cells = torch.tensor([[0.0, 1.0, 0.0, 2.0, 3.0]])
    drawn = gt.sample_genes(cells, 4, torch.Generator().manual_seed(3))[0].tolist()
    assert set(drawn[:3]) == {1, 3, 4}
    assert len(set(drawn)) == 4


def test_what_is_asked_was_not_seen():
    cells = torch.rand(6, 20)
    seen, asked = gt.masked_batch(cells, torch.Generator().manual_seed(0), n_visible=8, n_hidden=5)
    assert all(not set(a.tolist()) & set(b.tolist()) for a, b in zip(seen, asked, strict=True))


def test_before_training_the_guess_is_the_mean_of_the_gene():
    cells = planted()[0]
    asked = gt.ask_hidden(model(cells), cells)
    assert_allclose(asked.guess, cells.mean(axis=0)[asked.genes], rtol=1e-4)
    assert asked.error() == pytest.approx(asked.error(cells.mean(axis=0)[asked.genes]), rel=1e-4)


def test_pretraining_learns_a_planted_truth_and_is_repeatable():
    cells = planted()[0]
    made, again = model(cells), model(cells)
    before = gt.ask_hidden(made, cells, seed=1).error()
    gt.pretrain(made, cells, SHORT)
    gt.pretrain(again, cells, SHORT)
    assert gt.ask_hidden(made, cells, seed=1).error() < 0.6 * before
    assert all(map(torch.equal, made.parameters(), again.parameters()))


def test_fine_tuning_finds_types_and_never_reads_test_labels():
    cells, labels = planted()
    split = ct.deal_cells(labels, 3, seed=0)[0]
    found = []
    for truth in (labels, np.where(np.isin(np.arange(120), split.test), 0, labels)):
        logits, history = gt.fine_tune(
            model(cells), cells, truth, split.train, split.validation, SHORT, balanced=True
        )
        found.append(logits)
        assert history.best_step is not None
    assert_allclose(*found)
    assert np.mean(found[0].argmax(axis=1)[split.test] == labels[split.test]) > 0.9


def test_carrying_over_copies_layers_and_shared_genes_only():
    cells = planted()[0]
    source, target = model(cells[:, :8], seed=1), model(cells)
    before = copy.deepcopy(target)
    gt.carry_over(source, target, [(0, 5)])
    assert torch.equal(target.genes.weight[5], source.genes.weight[0])
    assert torch.equal(target.genes.weight[:5], before.genes.weight[:5])
    assert torch.equal(target.value[0].weight, source.value[0].weight)
    assert torch.equal(target.usual, before.usual)
    wide = gt.GeneTransformer(gt.GeneTransformerConfig(12, d_model=32), cells)
    with pytest.raises(ValueError, match="one width"):
        gt.carry_over(source, wide, [])


def test_wrong_shapes_are_refused():
    cells = planted()[0]
    with pytest.raises(ValueError, match="12 genes"):
        gt.cell_vectors(model(cells), cells[:, :5])
    with pytest.raises(ValueError, match="heads"):
        gt.GeneTransformerConfig(5, d_model=7)


def test_a_fold_of_the_study_judges_test_cells_and_is_gathered():
    cells, labels = planted(n=24)
    typed = ct.TypedCells(cells, labels, ("a", "b", "c"), tuple("ABCDEFGHIJKL"), cells[:, :3])
    others = study.OtherCells(cells[:30, :6] + 0.1, tuple("XYABZW"))
    assert others.shared_with(typed.genes) == [(2, 0), (3, 1)]
    short = replace(SHORT, steps=5, learning_rate=1e-3)
    plan = study.CellsPlan(
        seeds=(0, 1), pretraining=short, tuning=short, few_steps=5, labels=(9,), few=6
    )
    chosen = {"random": [1e-3, True], "pretrained": [1e-3, False]}
    simple = [study.simple_cell(plan, typed, fold) for fold in range(2)]
    networks = [
        study.network_cell(plan, typed, others, chosen, seed, fold)
        for fold in range(2)
        for seed in plan.seeds
    ]
    truth, rows = study.read_rows(study.gather(plan, typed, simple, networks))
    assert sorted(truth) == sorted(labels)
    assert rows["PCA"].shape == (1, 72)
    assert rows["tuned pretrained, 6 labels"].shape == (2, 72)
    assert np.mean(rows["all genes"][0] == truth) > 0.9
