import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.preprocessing import StandardScaler

from hypecheck.embeddings import (
    PENALTIES,
    EmbeddingFileError,
    control_task,
    embed_sequences,
    linear_probe,
    read_embeddings,
)
from hypecheck.models import Transformer, TransformerConfig, VocabularyMismatchError
from hypecheck.sequences import encode
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer
from hypecheck.training import LabelError

MODEL = Transformer(TransformerConfig(7, d_model=16), seed=1)
SEQUENCES = ["ACGTACGTTT", "GGG", "ACGTACGTTTACGTACGTTTAA", "T"]


def test_pooling_equals_one_sequence_at_a_time():
    rows = embed_sequences(MODEL, CharTokenizer(), SEQUENCES, batch_size=3)
    for row, sequence in zip(rows, SEQUENCES, strict=True):
        ids = torch.from_numpy(CharTokenizer().encode(sequence))[None]
        hidden = MODEL.embed(ids)[0]
        alone = torch.cat([hidden.mean(0), hidden.amax(0)]).detach().numpy()
        np.testing.assert_allclose(row, alone, rtol=1e-4, atol=1e-5)


def test_shapes_types_and_codes():
    rows = embed_sequences(MODEL, CharTokenizer(), SEQUENCES, pool="max")
    assert rows.shape == (4, 16)
    assert rows.dtype == np.float32
    codes = encode(SEQUENCES, pad=True)
    np.testing.assert_allclose(
        rows, embed_sequences(MODEL, CharTokenizer(), codes, pool="max"), rtol=1e-5
    )


def test_bad_inputs():
    with pytest.raises(ValueError, match="no sequences to embed"):
        embed_sequences(MODEL, CharTokenizer(), [])
    with pytest.raises(ValueError, match="sequence 1 has no known base"):
        embed_sequences(MODEL, CharTokenizer(), ["ACGT", ""])
    with pytest.raises(VocabularyMismatchError):
        embed_sequences(MODEL, KmerTokenizer(3, 3), SEQUENCES)
    with pytest.raises(ValueError, match="give the tokenizer"):
        embed_sequences(MODEL, None, SEQUENCES)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Save a tiny BERT with a character tokenizer, as published checkpoints are saved."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("checkpoint")
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "A": 4, "C": 5, "G": 6, "T": 7}
    letters = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    letters.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def test_checkpoint_of_transformers_without_special_tokens(checkpoint):
    transformers = pytest.importorskip("transformers")
    model = transformers.BertModel.from_pretrained(checkpoint).eval()
    rows = embed_sequences(checkpoint, None, ["ACG", "ACGTT"], pool="mean")
    ids = torch.tensor([[2, 4, 5, 6, 3]])
    with torch.no_grad():
        expected = model(ids).last_hidden_state[0, 1:-1].mean(0).numpy()
    np.testing.assert_allclose(rows[0], expected, rtol=1e-4, atol=1e-5)
    assert rows.shape == (2, 16)


def test_folder_without_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="holds no config"):
        embed_sequences(tmp_path, None, SEQUENCES)


def test_reading_what_others_wrote(tmp_path):
    rows = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "a.npy", rows)
    np.savez(tmp_path / "b.npz", rows)
    np.savez(tmp_path / "c.npz", embeddings=rows, other=rows[:1])
    table = pd.DataFrame(rows, columns=["x", "y"]).assign(name=["p", "q", "r"])
    table.to_csv(tmp_path / "d.csv", index=False)
    for name in ("a.npy", "b.npz", "c.npz", "d.csv"):
        read = read_embeddings(tmp_path / name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, rows)


def test_reading_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame(np.eye(3), columns=list("xyz")).to_parquet(tmp_path / "a.parquet")
    np.testing.assert_array_equal(read_embeddings(tmp_path / "a.parquet"), np.eye(3))


def test_files_that_cannot_be_used(tmp_path):
    np.save(tmp_path / "nan.npy", np.array([[1.0, np.nan], [1, 2]]))
    np.save(tmp_path / "flat.npy", np.arange(3.0))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=np.eye(2), b=np.eye(2))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "nan.npy").read_bytes()[:40])
    (tmp_path / "words.csv").write_text("a,b\nx,y\n")
    for name, said in {
        "nan.npy": "1 of 2 rows hold NaN",
        "flat.npy": r"shape \(3,\)",
        "objects.npy": "allow_pickle=False",
        "two.npz": "call the one to use 'embeddings'",
        "cut.npy": "cannot be read",
        "words.csv": r"shape \(1, 0\)",
        "missing.npy": "No such file",
        "table.xlsx": "expected one of .npy, .npz, .csv, .parquet",
    }.items():
        with pytest.raises(EmbeddingFileError, match=said):
            read_embeddings(tmp_path / name)


def labelled(n=200, gap=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return rng.normal(size=(n, 5)) + gap * labels[:, None], labels


def test_probe_equals_scikit_learn_at_its_penalty():
    train, validation = labelled(), labelled(seed=1)
    probe = linear_probe(*train, *validation)
    scaler = StandardScaler().fit(train[0])
    peer = LogisticRegression(C=probe.penalty, tol=1e-8).fit(scaler.transform(train[0]), train[1])
    expected = peer.predict_proba(scaler.transform(validation[0]))
    np.testing.assert_allclose(probe.predict_proba(validation[0]), expected, atol=1e-3)
    assert probe.validation_score == matthews_corrcoef(validation[1], probe.predict(validation[0]))
    assert set(probe.validation_scores) == set(PENALTIES)
    assert probe.validation_score == max(probe.validation_scores.values())


def test_probe_refuses_one_class():
    features, labels = labelled()
    with pytest.raises(LabelError, match="all 200 training examples are of class 0"):
        linear_probe(features, labels * 0, features, labels)
    with pytest.raises(LabelError, match="200 rows of features but 199 labels"):
        linear_probe(features, labels[1:], features, labels)


def test_control_task_is_near_zero_where_rows_are_their_own_kind():
    control = control_task(*labelled(1000), *labelled(1000, seed=1), rng=np.random.default_rng(0))
    assert control.score > 0.7
    assert abs(control.control_score) < 0.15
    assert control.selectivity == control.score - control.control_score


def test_control_task_shows_a_probe_that_knows_the_kinds():
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 20, 1000)
    features = np.eye(20)[kinds]  # an embedding that tells kinds apart and nothing else
    labels = kinds % 2
    parts = features[:500], labels[:500], features[500:], labels[500:]
    control = control_task(*parts, rng=rng, types=(kinds[:500], kinds[500:]))
    assert control.score == control.control_score == control.control_train_score == 1
    assert control.selectivity == 0
