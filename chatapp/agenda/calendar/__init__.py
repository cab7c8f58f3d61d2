"""Calendar files (iCalendar, RFC 5545): reminders out, and what of a stranger's file can be a reminder in."""

from chatapp.agenda.calendar.reading import SIZE_LIMIT, Imported, NotACalendar, from_ics
from chatapp.agenda.calendar.writing import to_ics

__all__ = ["SIZE_LIMIT", "Imported", "NotACalendar", "from_ics", "to_ics"]
