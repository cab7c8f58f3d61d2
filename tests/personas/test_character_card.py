"""Character cards from elsewhere: as JSON, in a picture, and as whatever a stranger makes of either."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.conversation.persona import Example
from chatapp.personas import BrokenPersona
from chatapp.personas.bringing import import_persona
from chatapp.personas.card import PNG
from chatapp.personas.file import parse

CARD = {
    "spec": "chara_card_v2",
    "data": {
        "name": "Seraphina",
        "description": "{{char}} guards the forest.",
        "first_mes": "Welcome, <USER>.",
        "mes_example": "<START>\n{{user}}: Who are you?\n{{char}}: A guardian.\nOf old.\n<START>\n{{char}}: Hm.\n"
        '{{user}}: Well?\n{{char}}: *smiles* Yes: "well".\n{{user}}: Bye.',
    },
}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(*texts: tuple[bytes, bytes]) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
    return PNG + header + b"".join(chunk(b"tEXt", key + b"\0" + text) for key, text in texts) + chunk(b"IEND", b"")


def packed(card: object) -> bytes:
    return b64encode(json.dumps(card).encode())


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(CARD).encode(),
        json.dumps(CARD["data"]).encode(),
        picture((b"Title", b"x"), (b"chara", packed(CARD))),
        picture((b"chara", packed({"name": "Old", "description": "x"})), (b"ccv3", packed(CARD))),
        picture((b"padding", b"x" * 400_000), (b"chara", packed(CARD))),
    ],
    ids=["json", "v1", "png", "v3 before v2", "large picture"],
)
def test_a_card_becomes_a_persona_with_its_examples(tmp_path, data) -> None:
    (tmp_path / "card").write_bytes(data)
    name, path = import_persona(tmp_path / "personas", tmp_path / "card", ())
    persona = parse(path.read_bytes(), path)
    assert (name, persona.system) == ("Seraphina", "{{char}} guards the forest.")
    assert persona.greeting == "Welcome, {{user}}."
    assert persona.examples == (
        Example(user="Who are you?", assistant="A guardian.\nOf old."),
        Example(user="Well?", assistant='*smiles* Yes: "well".'),
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (picture(), "no character card in this picture"),
        (picture((b"chara", b"!!!")), "cannot be read"),
        (picture((b"chara", packed([1]))), "no character card"),
        (picture((b"chara", b64encode(b"[" * 100_000))), "not JSON"),
        (picture((b"chara", packed(CARD)))[:90], "no character card in this picture"),
        (PNG + chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"0" * 2**20)), "no character card in this picture"),
    ],
)
def test_what_is_no_card_is_refused_with_a_reason(tmp_path, data, said) -> None:
    (tmp_path / "card.png").write_bytes(data)
    with pytest.raises(BrokenPersona, match=said):
        import_persona(tmp_path / "personas", tmp_path / "card.png", ())
    assert not (tmp_path / "personas").exists()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(8, 700), byte=st.integers(0, 255), cut=st.integers(8, 900))
def test_whatever_becomes_of_a_picture_is_taken_in_or_refused(tmp_path_factory, place, byte, cut) -> None:
    folder = tmp_path_factory.mktemp("card")
    data = bytearray(picture((b"chara", packed(CARD))))
    data[place : place + 1] = bytes([byte])
    (folder / "card.png").write_bytes(data[:cut])
    with suppress(BrokenPersona):
        name, path = import_persona(folder / "personas", folder / "card.png", ())
        assert parse(path.read_bytes(), path).name == name
