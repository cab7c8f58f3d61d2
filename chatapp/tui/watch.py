"""What goes on behind the page: the file is checked, the daily backup is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatapp.store import Store, StoreError

FIRST_CARE_SECONDS = 3.0
"""After the start, when the first screen is drawn and the model is being loaded."""
CARE_SECONDS = 3600.0


async def look_after(store: Store, trouble: Callable[[StoreError], None]) -> None:
    """Check the file and make the daily backup, now and every hour; `trouble` is told what is wrong."""
    await asyncio.sleep(FIRST_CARE_SECONDS)
    while True:
        try:
            await store.look_after()
        except StoreError as error:
            trouble(error)
        await asyncio.sleep(CARE_SECONDS)
