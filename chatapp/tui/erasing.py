"""What is said when something was erased for good, and the offer to erase it from the backups too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatapp.store import Gone, Purged
from chatapp.text import counted, display_line
from chatapp.tui.screens.sheet import Item, Sheet

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

_LONG = 12


def tell_erased(screen: MainScreen, said: str, purged: Purged) -> None:
    """Say what is erased, and what still holds it; copies of the chats can be written anew without it."""
    if not purged.log_is_clean:
        said += " Another window reads the chats: traces stay in the log of late writes until it closes."
    screen.notify(said, markup=False, timeout=4 if purged.log_is_clean else _LONG)
    if not purged.backups:
        return
    holds = f"{counted(len(purged.backups), 'backup')} made before may hold it"
    names = ", ".join(display_line(path.name) for path in purged.backups)
    items = [
        Item(holds, "Leave the backups as they are", detail=names),
        Item(holds, "Erase it there too", detail="each is written anew without it, and checked", value="erase"),
    ]

    def decided(item: Item | None) -> None:
        if item is not None and item.value == "erase":
            screen.run_worker(_erase_from_backups(screen, purged.gone), group="trash")

    screen.app.push_screen(Sheet(items, placeholder="erase it from the backups too?"), decided)


async def _erase_from_backups(screen: MainScreen, gone: Gone) -> None:
    with screen.page.trouble_told():
        left = await screen.desk.store.erase_from_backups(gone)
        said = "It is erased from the backups." if not left else "These still hold it: "
        said += " ".join(f"{display_line(one.path.name)} ({display_line(one.why)})" for one in left)
        screen.notify(said, markup=False, timeout=_LONG if left else 4)
