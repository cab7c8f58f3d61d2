"""Where replies part from each other."""

from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.parting import Parting, Word, part, shared, words

SOME = {
    0: "The harbour wakes before the town does. Ropes creak",
    1: "The harbour wakes before the church. Nets hang",
    2: "The harbour wakes angry, all elbows",
    3: "The harbour wakes before the town does. A lamp",
}


def record(text, p):
    return TokenRecord(
        id=1, hex=text.encode().hex(), logprob=-1, rank=1, entropy=1, p=p, kept=2, mass=1, log_z=0, stage="draw"
    )


def tree(node):
    """A tree as nested tuples of texts."""
    if node.branches:
        return ("".join(word.text for word in node.common), *(tree(one) for one in node.branches))
    return (node.texts, node.word.text if node.word else None)


def test_four_replies_part_one_after_the_other():
    found = part({number: words(text, []) for number, text in SOME.items()})
    assert tree(found) == (
        "The harbour wakes",
        (" before the", (" town does.", ((0,), " Ropes"), ((3,), " A")), ((1,), " church.")),
        ((2,), " angry,"),
    )


def test_equal_replies_share_a_leaf_and_one_that_ends_early_has_no_word():
    found = part({0: words("a b", []), 1: words("a b", []), 2: words("a", [])})
    assert found == Parting((0, 1, 2), (Word("a"),), (Parting((0, 1), (Word(" b"),)), Parting((2,))))


def test_the_chance_of_a_word_is_that_of_all_its_tokens():
    records = [record("Rop", 0.5), record("es", 0.5), record(" cre", 0.1), record("ak", 0.5)]
    assert words("Ropes creak", records) == [Word("Ropes", 0.25), Word(" creak", 0.05)]
    assert words("Ropes creak", records, ended=False) == [Word("Ropes", 0.25)]
    assert words("Ropes creak", [None, *records[1:]]) == [Word("Ropes"), Word(" creak")]


def test_a_character_in_two_tokens_counts_for_its_word():
    one, two = "é".encode()[:1].hex(), "é".encode()[1:].hex()
    records = [record("x", 0.5).model_copy(update={"hex": half}) for half in (one, two)]
    assert words("é", records)[0].text == "é"
    assert 0 < words("é", records)[0].chance <= 0.5


def test_what_is_shared_ends_with_a_word():
    assert shared(SOME[0], [SOME[2], SOME[3]]) == len("The harbour wakes before the town does. ")
    assert shared("anger", ["angry"]) == 0
    assert shared("the same", ["the same thing"]) == len("the same")
    assert shared("alone", []) == 0


@given(st.lists(st.text(alphabet="ab \n", max_size=12), min_size=1, max_size=5))
def test_every_text_is_in_the_tree_once_and_begins_as_it_says(texts):
    def leaves(node, before=""):
        before += "".join(word.text for word in node.common)
        if node.branches:
            for one in node.branches:
                yield from leaves(one, before)
        else:
            yield node.texts, before + (node.word.text if node.word else "")

    found = list(leaves(part({place: words(text, []) for place, text in enumerate(texts)})))
    assert sorted(number for numbers, _ in found for number in numbers) == list(range(len(texts)))
    assert all(texts[number].startswith(begun) for numbers, begun in found for number in numbers)


@given(st.text(alphabet="ab ", max_size=12), st.text(alphabet="ab ", max_size=12))
def test_what_is_shared_is_shared(one, other):
    count = shared(one, [other])
    assert one[:count] == other[:count]
    assert not count or one in (other, other[: len(one)]) or one[count - 1].isspace()
