"""Tokenizers: round trips, borders, strands; and BPE against Hugging Face's own trainer."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tokenizers as huggingface
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.bpe import train_bpe
from hypecheck.sequences import decode, encode, reverse_complement
from hypecheck.tokenizers import (
    PAD,
    BPETokenizer,
    CharTokenizer,
    KmerTokenizer,
    Tokenizer,
    share_changed,
    strand_changed,
)

DNA = st.text("ACGT", max_size=60)
AMBIGUOUS = st.text("ACGTNRYacgtn", max_size=60)


def random_dna(n: int, length: int, seed: int = 0) -> list[str]:
    """Rows with planted repeats, so that merges go deeper than on random bases."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, length))
    codes[:, : length // 4] = codes[0, : length // 4]
    return list(decode(codes))


TRAINED = BPETokenizer(vocab_size=64).fit(random_dna(40, 120))
TOKENIZERS: list[Tokenizer] = [
    CharTokenizer(),
    KmerTokenizer(k=1),
    KmerTokenizer(k=3, stride=1),
    KmerTokenizer(k=4, stride=3),
    KmerTokenizer(k=6, stride=6),
    TRAINED,
]


def merges_of_huggingface(documents: list[str], n_merges: int) -> list[tuple[str, str]]:
    model = huggingface.Tokenizer(huggingface.models.BPE())
    trainer = huggingface.trainers.BpeTrainer(
        vocab_size=4 + n_merges, show_progress=False, initial_alphabet=list("ACGT")
    )
    model.train_from_iterator(documents, trainer)
    return [tuple(merge) for merge in json.loads(model.to_str())["model"]["merges"]]


def merges_by_recounting(documents: list[str], n_merges: int) -> list[tuple[str, str]]:
    """Sennrich's algorithm as it is written: count everything again after each merge."""
    words = [list(document) for document in documents]
    age = {letter: number for number, letter in enumerate("ACGT")}
    merges: list[tuple[str, str]] = []
    for _ in range(n_merges):
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], age[pair[0]], age[pair[1]]))
        merges.append(best)
        age["".join(best)] = len(age)
        words = [joined(word, best) for word in words]
    return merges


def joined(word: list[str], pair: tuple[str, str]) -> list[str]:
    tokens: list[str] = []
    place = 0
    while place < len(word):
        width = 2 if tuple(word[place : place + 2]) == pair else 1
        tokens.append("".join(word[place : place + width]))
        place += width
    return tokens


# Every tokenizer


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
@given(sequence=DNA)
@settings(deadline=None, max_examples=30)
def test_known_bases_survive_the_round_trip(tokenizer: Tokenizer, sequence: str) -> None:
    ids = tokenizer.encode(sequence)
    assert ids.dtype == np.int64
    assert tokenizer.decode(ids) == sequence
    assert tokenizer.bases_per_token(ids).sum() == len(sequence)


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
@given(sequence=AMBIGUOUS)
@settings(deadline=None, max_examples=30)
def test_ambiguous_letters_cost_at_most_their_window(tokenizer: Tokenizer, sequence: str) -> None:
    ids = tokenizer.encode(sequence)
    back, given_ = tokenizer.decode(ids), str(decode(encode(sequence)))
    assert tokenizer.bases_per_token(ids).sum() == len(sequence) == len(back)
    assert all(b in (g, "N") for b, g in zip(back, given_, strict=True))
    if isinstance(tokenizer, KmerTokenizer):
        k, stride = tokenizer.k, tokenizer.stride
        for start in range(0, len(given_) - k + 1, stride):
            if "N" not in given_[start : start + k]:
                assert back[start : start + k] == given_[start : start + k]
    else:
        assert back == given_


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
def test_borders(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("").shape == (0,)
    assert tokenizer.decode([]) == ""
    assert [len(tokenizer.encode(base)) for base in "ACGT"] == [1, 1, 1, 1]
    assert tokenizer.decode(tokenizer.encode("G")) == "G"
    assert np.array_equal(tokenizer.encode("acgtu"), tokenizer.encode("ACGTT"))
    with pytest.raises(ValueError, match="'E'"):
        tokenizer.encode("ACE")
    with pytest.raises(ValueError, match="must lie in"):
        tokenizer.decode([tokenizer.vocab_size])
    with pytest.raises(ValueError, match="one axis"):
        tokenizer.decode(np.zeros((2, 2), dtype=np.int64))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
def test_special_tokens_come_first_and_padding_reads_as_nothing(tokenizer: Tokenizer) -> None:
    assert (tokenizer.pad_id, tokenizer.mask_id, tokenizer.unk_id) == (0, 1, 2)
    ids = tokenizer.encode("ACGTACGTAC")
    padded = np.r_[ids, [PAD, PAD]]
    assert tokenizer.decode(padded) == "ACGTACGTAC"
    assert tokenizer.bases_per_token(padded).tolist()[-2:] == [0, 0]
    assert tokenizer.bases_per_token(padded).sum() == 10
    assert set(tokenizer.decode([tokenizer.mask_id])) == {"N"}


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
def test_batch_equals_one_by_one(tokenizer: Tokenizer) -> None:
    sequences = ["ACGTTGCA", "", "NNA", "TTTTTTTTTTTTTTTTT"]
    for one, many in zip(
        map(tokenizer.encode, sequences), tokenizer.encode_batch(sequences), strict=True
    ):
        assert np.array_equal(one, many)


@pytest.mark.parametrize("tokenizer", TOKENIZERS[:5], ids=repr)
def test_characters_and_kmers_have_nothing_to_learn(tokenizer: Tokenizer) -> None:
    assert tokenizer.fit(["ACGT"]) is tokenizer


# Characters and k-mers


def test_kmer_ids_by_hand() -> None:
    tokenizer = KmerTokenizer(k=2, stride=2)
    assert tokenizer.vocab_size == 3 + 5 + 16
    # AC = 1, GT = 11 behind the eight first ids; T is the remainder; NA holds an N
    assert tokenizer.encode("ACGTNAT").tolist() == [9, 19, 2, 6]
    assert tokenizer.decode([9, 19, 2, 6]) == "ACGTNNT"
    assert tokenizer.encode("ACN").tolist() == [9, 7]
    assert tokenizer.bases_per_token([9, 7]).tolist() == [2, 1]
    assert KmerTokenizer(k=4, stride=3).bases_per_token([9, 9, 3]).tolist() == [4, 3, 1]


def test_overlapping_windows_give_back_the_bases_around_an_n() -> None:
    tokenizer = KmerTokenizer(k=3)
    assert tokenizer.decode(tokenizer.encode("ACGTNACGT")) == "ACGTNACGT"
    assert tokenizer.decode(tokenizer.encode("NACNA")) == "NNNNN"  # no clean window


@given(sequence=DNA, k=st.integers(1, 7), data=st.data())
@settings(deadline=None, max_examples=60)
def test_kmers_equal_slices(sequence: str, k: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, k))
    tokenizer = KmerTokenizer(k=k, stride=stride)
    ids = tokenizer.encode(sequence)
    windows = [sequence[i : i + k] for i in range(0, len(sequence) - k + 1, stride)]
    covered = (len(windows) - 1) * stride + k if windows else 0
    expected = windows + list(sequence[covered:])
    assert [tokenizer.decode([i]) for i in ids] == expected


@given(sequence=DNA, k=st.integers(1, 6), data=st.data())
@settings(deadline=None, max_examples=60)
def test_kmers_of_the_other_strand(sequence: str, k: int, data: st.DataObject) -> None:
    """Reversed and complemented one by one, if the stride divides L - k."""
    stride = data.draw(st.integers(1, k))
    sequence = sequence[: len(sequence) - (len(sequence) - k) % stride]
    if len(sequence) < k:
        return
    tokenizer = KmerTokenizer(k=k, stride=stride)
    other = str(decode(reverse_complement(encode(sequence))))
    tokens = [tokenizer.decode([i]) for i in tokenizer.encode(sequence)]
    expected = [str(decode(reverse_complement(encode(token)))) for token in reversed(tokens)]
    assert [tokenizer.decode([i]) for i in tokenizer.encode(other)] == expected


def test_characters_of_the_other_strand() -> None:
    ids = CharTokenizer().encode("AACGTN")
    other = CharTokenizer().encode("NACGTT")
    assert np.array_equal(other, np.where(ids < 3, ids, 9 - ids)[::-1])


@pytest.mark.parametrize(("k", "stride"), [(0, 1), (13, 1), (3, 0), (3, 4)])
def test_impossible_kmers_are_refused(k: int, stride: int) -> None:
    with pytest.raises(ValueError, match="must lie in 1-"):
        KmerTokenizer(k=k, stride=stride)


def test_ids_that_spell_no_sequence_are_refused() -> None:
    tokenizer = KmerTokenizer(k=2)
    with pytest.raises(ValueError, match="disagree about base 1"):
        tokenizer.decode([8, 8 + 15])  # AA then TT
    with pytest.raises(ValueError, match="behind the last window"):
        tokenizer.decode([3, 8])


# Byte-pair encoding: training


def test_merges_by_hand() -> None:
    # AAAA holds AA three times, TA twice; then AA AA; the odd A stays
    assert train_bpe(["AAAA", "TATA"], 2) == [("A", "A"), ("T", "A")]
    assert train_bpe(["AAAAA"], 9) == [("A", "A"), ("AA", "A"), ("AA", "AAA")]


@pytest.mark.parametrize("documents", [[], ["", "A"], ["N", "ANC"]])
def test_nothing_to_merge(documents: list[str]) -> None:
    assert train_bpe(documents, 5) == []


def test_no_pair_crosses_a_document_or_an_n() -> None:
    apart, cut = train_bpe(["GAAC", "TAC"], 9), train_bpe(["GAACNTAC"], 9)
    assert apart == cut
    assert ("C", "T") not in apart
    assert train_bpe(["GAACTAC"], 9) != apart


def test_ties_go_to_the_older_left_token_then_to_the_older_right_one() -> None:
    assert train_bpe(["TC", "GA", "GC"], 3) == [("G", "A"), ("G", "C"), ("T", "C")]


@given(documents=st.lists(st.text("ACGT", max_size=30), max_size=8))
@settings(deadline=None, max_examples=100)
def test_merges_equal_huggingface_and_recounting(documents: list[str]) -> None:
    ours = train_bpe(documents, 30)
    assert ours == merges_by_recounting(documents, 30)
    assert ours == merges_of_huggingface(documents, 30)


@given(documents=st.lists(st.text("AC", max_size=60), max_size=5))
@settings(deadline=None, max_examples=60)
def test_runs_and_overlaps_equal_huggingface(documents: list[str]) -> None:
    assert train_bpe(documents, 40) == merges_of_huggingface(documents, 40)


@pytest.mark.parametrize(("n", "length"), [(1, 20_000), (100, 1_000), (3_000, 12)])
def test_merges_equal_huggingface_on_more_text(n: int, length: int) -> None:
    documents = random_dna(n, length, seed=n)
    assert train_bpe(documents, 400) == merges_of_huggingface(documents, 400)


def test_every_token_has_one_spelling() -> None:
    """No two merges spell the same token, so one id per merge is enough."""
    spelt = [left + right for left, right in train_bpe(random_dna(100, 500), 600)]
    assert len(set(spelt)) == len(spelt) == 600


def test_a_planted_word_becomes_a_token() -> None:
    rng = np.random.default_rng(1)
    documents = []
    for row in decode(rng.integers(0, 4, (300, 60))):
        place = int(rng.integers(0, 50))
        documents.append(row[:place] + "GATTACAG" + row[place:])
    assert "GATTACAG" in {left + right for left, right in train_bpe(documents, 40)}


# Byte-pair encoding: encoding, files


def test_encoding_equals_replaying_the_merges() -> None:
    documents = random_dna(30, 80)
    merges = train_bpe(documents, 64 - 7)
    tokenizer = BPETokenizer(vocab_size=64).fit(documents)
    for sequence in random_dna(20, 97, seed=5):
        expected = list(sequence)
        for merge in merges:
            expected = joined(expected, merge)
        assert [tokenizer.decode([i]) for i in tokenizer.encode(sequence)] == expected


def test_bpe_n_is_unknown_and_merges_stop_there() -> None:
    tokenizer = BPETokenizer(vocab_size=12).fit(["TATATATATATA"])
    tokens = [tokenizer.decode([i]) for i in tokenizer.encode("TATANNTAr")]
    assert tokens == ["TATA", "N", "N", "TA", "N"]
    assert (tokenizer.encode("TATANNTAr") == tokenizer.unk_id).sum() == 3


def test_bpe_depends_on_the_strand_and_overlapping_kmers_do_not() -> None:
    sequence = random_dna(1, 606, seed=9)[0]
    assert strand_changed(CharTokenizer(), sequence) == 0
    assert strand_changed(KmerTokenizer(6, 1), sequence) == 0
    assert strand_changed(KmerTokenizer(6, 6), sequence) == 0  # 606 = 6 * 101
    assert strand_changed(KmerTokenizer(6, 6), sequence[:-1]) > 0.9
    assert strand_changed(TRAINED, sequence) > 0.4
    assert strand_changed(TRAINED, "") == 0


def test_fewer_ids_if_the_text_runs_out_of_pairs() -> None:
    assert BPETokenizer(vocab_size=100).fit(["ACGT"]).vocab_size == 3 + 4 + 3


def test_saved_file_is_huggingfaces_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    TRAINED.save(path)
    loaded, peer = BPETokenizer.from_file(path), huggingface.Tokenizer.from_file(str(path))
    assert loaded.vocab_size == TRAINED.vocab_size == peer.get_vocab_size()
    for sequence in random_dna(10, 50, seed=3):
        assert np.array_equal(loaded.encode(sequence), TRAINED.encode(sequence))
        assert peer.encode(sequence).ids == loaded.encode(sequence).tolist()


def test_published_layout_keeps_its_ids(tmp_path: Path) -> None:
    """Class and separator tokens, other ids, a post-processor: the ids stay, nothing is added."""
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    vocabulary = {token: i for i, token in enumerate([*special, "\n", *"ACGT", "TA"])}
    model = huggingface.Tokenizer(
        huggingface.models.BPE(vocab=vocabulary, merges=[("T", "A")], unk_token="[UNK]")
    )
    model.add_special_tokens(special)
    model.post_processor = huggingface.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    model.enable_truncation(3)
    model.save(str(tmp_path / "published.json"))
    tokenizer = BPETokenizer.from_file(tmp_path / "published.json")
    assert (tokenizer.pad_id, tokenizer.mask_id, tokenizer.unk_id) == (3, 4, 0)
    assert tokenizer.encode("TACNTA").tolist() == [10, 7, 0, 10]
    assert tokenizer.decode([1, 10, 7, 0, 10, 4, 2, 3]) == "TACNTAN"
    assert tokenizer.bases_per_token([1, 10, 7, 0, 10, 4, 2, 3]).tolist() == [
        0,
        2,
        1,
        1,
        2,
        1,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("file", "vocab_size"),
    [
        ("AIRI-Institute__GENA_LM.tokenizer.json", 32_000),
        ("wds-seu__DeepGene.tokenizer.json", 4_096),
    ],
)
def test_published_vocabularies(file: str, vocab_size: int) -> None:
    folder = os.environ.get("HYPECHECK_DATA")
    if folder is None or not (path := Path(folder) / "bpe_tokenizers" / file).exists():
        pytest.skip("published vocabularies are not at hand")
    tokenizer, peer = BPETokenizer.from_file(path), huggingface.Tokenizer.from_file(str(path))
    assert tokenizer.vocab_size == vocab_size
    for sequence in [*random_dna(5, 300), "N", "ACGNNNTT", ""]:
        ids = tokenizer.encode(sequence)
        assert ids.tolist() == peer.encode(sequence, add_special_tokens=False).ids
        assert tokenizer.decode(ids) == sequence
    assert tokenizer.bases_per_token(tokenizer.encode(random_dna(1, 3000)[0])).mean() > 3


@pytest.mark.parametrize(
    "content", ["ACGT", "{}", "[]", '{"model": {"type": "Unigram", "vocab": []}}']
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json is no tokenizer\.json"):
        BPETokenizer.from_file(path)


def test_a_vocabulary_without_the_letters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "protein.json"
    path.write_text('{"model": {"vocab": {"A": 0, "[PAD]": 1}, "merges": []}}')
    with pytest.raises(ValueError, match=r"lacks the tokens \['\[MASK\]', '\[UNK\]', 'C'"):
        BPETokenizer.from_file(path)


def test_bpe_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="call fit"):
        BPETokenizer().encode("ACGT")
    with pytest.raises(ValueError, match="vocab_size must lie in"):
        BPETokenizer(vocab_size=6)


# Edits


def test_share_changed_by_hand() -> None:
    assert share_changed([], [], by="bag") == 0
    assert share_changed([1, 2, 2], [2, 1, 3], by="position") == 1
    assert share_changed([1, 2, 2], [2, 1, 3], by="bag") == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="got 'both'"):
        share_changed([1], [1], by="both")  # type: ignore[arg-type]


def test_one_inserted_base_breaks_blocks_but_not_overlapping_kmers() -> None:
    sequence = random_dna(1, 606, seed=2)[0]
    edited = sequence[:12] + "A" + sequence[12:]
    changed = {
        stride: share_changed(*KmerTokenizer(6, stride).encode_batch([sequence, edited]), by="bag")
        for stride in (1, 6)
    }
    assert changed[1] < 0.03
    assert changed[6] > 0.85
