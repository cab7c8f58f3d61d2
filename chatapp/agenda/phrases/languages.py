"""How four languages speak of days, times and repetition: small regular expressions, and what they stand for.

Nothing is decided in here. Every expression stands for a piece of a phrase; `pieces` and `reading` put them
together. A language of one's own is one more `Language`, and a few phrases in the test's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Language:
    """The pieces of one language. Keys of the mappings are expressions, values what they stand for."""

    code: str
    lead: str
    """How a request begins: `remind me`; behind a command that says so, `me` alone."""
    edges: str
    """Words that are left over at the ends of what it is about, when the time is taken out."""
    numbers: Mapping[str, int]
    units: Mapping[str, str]
    within: str
    """What stands before a span of time: `in`."""
    ago: str
    """What may stand behind it instead: `from now`."""
    half_hour: str
    also: str
    """What joins two weekdays, or two spans: `and`."""
    days: Mapping[str, int]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    on: str
    """What may stand before a day."""
    habit: str
    """A weekday that is meant every week, `{day}` standing for it: `on Mondays`."""
    month_day: str
    """A day of the month, its number in a group."""
    coming: str
    """`next`, before or behind a weekday."""
    at: str
    """What stands before an hour."""
    o_clock: str
    """What stands behind an hour of 24."""
    parts: Mapping[str, int]
    """Parts of the day with their usual hour; after 12 they make an hour of 12 one of the afternoon."""
    bare: Mapping[str, int]
    """The same in a form that is one only right behind a day: `tomorrow morning`."""
    past: Mapping[str, int]
    """`half past`, before the hour: minutes to add."""
    plus: Mapping[str, int]
    """`y media`, behind the hour: minutes to add."""
    noon: Mapping[str, int]
    every: str
    other: str
    """`every other`."""
    adverbs: Mapping[str, tuple[str, int]]
    """One word for a rule: unit and interval."""
    nth: Mapping[str, int]
    of_month: str
    each_month: str
    """`of every month`: makes a rule of what stands before it."""
    workdays: str
    weekend: str
    until: str
    times: str
    """`times`, behind a number."""


ENGLISH = Language(
    code="en",
    lead=r"(?:please )?(?:(?:remind )?me(?! and\b)|set a reminder|reminder)",
    edges=r"to|that|about|and|then|,|:|for",
    numbers={
        "an?": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
        "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2,
    },
    units={"min(?:ute)?s?": "minute", "h(?:ou)?rs?": "hour", "days?": "day", "weeks?": "week", "months?": "month",
           "years?": "year"},
    within=r"in",
    ago=r"from now",
    half_hour=r"half an hour",
    also=r"(?:,? ?and|,|&)",
    days={"the day after tomorrow": 2, "day after tomorrow": 2, "tomorrow": 1, "tmrw?": 1, "today": 0},
    weekdays=(r"mon(?:day)?", r"tue(?:s(?:day)?)?", r"wed(?:nesday)?", r"thu(?:r(?:s(?:day)?)?)?", r"fri(?:day)?",
              r"sat(?:urday)?", r"sun(?:day)?"),
    habit=r"on {day}s",
    month_day=r"(?:on )?(?:the )?(\d{1,2})(?:st|nd|rd|th)",
    months=("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?",
            "july?", "aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
    on=r"on|this|by|at",
    coming=r"next",
    at=r"at|@|by",
    o_clock=r"o[’']clock",
    parts={r"(?:in the|this) morning": 9, r"(?:in the|this) afternoon": 15, r"(?:in the|this) evening": 19,
           r"tonight": 20, r"at night": 21},
    bare={"mornings?": 9, "afternoons?": 15, "evenings?": 19, "nights?": 20},
    past={"half past": 30, "(?:a )?quarter past": 15, "(?:a )?quarter to": -15},
    plus={},
    noon={"noon": 12, "midday": 12, "midnight": 0},
    every=r"every|each",
    other=r"every other",
    adverbs={"daily": ("day", 1), "weekly": ("week", 1), "fortnightly": ("week", 2), "monthly": ("month", 1),
             "yearly": ("year", 1), "annually": ("year", 1)},
    nth={"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1},
    of_month=r"(?:of|in) the month",
    each_month=r"of (?:every|each) month",
    workdays=r"(?:weekday|workday|working day)s?",
    weekend=r"weekends?",
    until=r"until|till",
    times=r"times",
)  # fmt: skip

GERMAN = Language(
    code="de",
    lead=r"(?:bitte )?(?:(?:erinner[en]?(?: Sie)? )?mich(?! und\b)(?: bitte)?|Erinnerung)(?: daran)?",
    edges=r"daran|an|dass|und|dann|,|:",
    numbers={
        "ein(?:e[rmn]?|s)?": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8,
        "neun": 9, "zehn": 10, "elf": 11, "zwölf": 12,
    },
    units={"Min(?:uten?|\\.)?": "minute", "Stunden?|Std\\.?": "hour", "Tag(?:en?)?": "day", "Wochen?": "week",
           "Monat(?:en?)?": "month", "Jahr(?:en?)?": "year"},
    within=r"in",
    ago=r"ab jetzt",
    half_hour=r"einer halben Stunde",
    also=r"(?:und|,|u\.)",
    days={"übermorgen": 2, "morgen": 1, "heute": 0},
    weekdays=(r"Montag|Mo\.", r"Dienstag|Di\.", r"Mittwoch|Mi\.", r"Donnerstag|Do\.", r"Freitag|Fr\.",
              r"Samstag|Sonnabend|Sa\.", r"Sonntag|So\."),
    habit=r"{day}s",
    month_day=r"(?:(?:am|zum|jeden) )?(\d{1,2})\.(?!\d)",
    months=("Jan(?:uar)?|Jänner", "Feb(?:ruar)?", "März|Mrz", "Apr(?:il)?", "Mai", "Juni?",
            "Juli?", "Aug(?:ust)?", "Sept?(?:ember)?", "Okt(?:ober)?", "Nov(?:ember)?", "Dez(?:ember)?"),
    on=r"am|diesen|bis|den|vom",
    coming=r"nächste[nrsm]?|kommende[nrsm]?",
    at=r"um|gegen|ab",
    o_clock=r"Uhr",
    parts={r"morgens|am Morgen": 9, r"vormittags|am Vormittag": 10, r"nachmittags|am Nachmittag": 15,
           r"abends|am Abend": 19, r"nachts|in der Nacht": 21},
    bare={"früh": 8, "Morgen": 9, "Vormittag": 10, "Nachmittag": 15, "Abend": 19, "Nacht": 21},
    past={"halb": -30, "viertel nach": 15, "viertel vor": -15, "dreiviertel": -15},
    plus={},
    noon={"(?:am )?mittags?": 12, "(?:um )?mitternacht": 0},
    every=r"jede[nrsm]?|alle",
    other=r"jede[nrs]? zweite[nrs]?",
    adverbs={"täglich": ("day", 1), "wöchentlich": ("week", 1), "monatlich": ("month", 1),
             "jährlich": ("year", 1)},
    nth={"erste[nrsm]?": 1, "zweite[nrsm]?": 2, "dritte[nrsm]?": 3, "vierte[nrsm]?": 4, "letzte[nrsm]?": -1},
    of_month=r"(?:im|des) Monats?",
    each_month=r"(?:im|jedes|in jedem|eines jeden) Monats?",
    workdays=r"(?:Werk|Arbeits|Wochen)tage?|werktags",
    weekend=r"Wochenenden?",
    until=r"bis(?: zum)?",
    times=r"mal",
)  # fmt: skip

FRENCH = Language(
    code="fr",
    lead=r"(?:(?:rappelle|rappelez)[- ])?moi(?! et\b)|rappel",
    edges=r"de|d[’']|que|qu[’']|et|puis|,|:|pour",
    numbers={
        "une?": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
        "dix": 10, "onze": 11, "douze": 12,
    },
    units={"min(?:utes?)?": "minute", "heures?|h": "hour", "jours?": "day", "semaines?": "week", "mois": "month",
           "ans?|années?": "year"},
    within=r"dans|d[’']ici",
    ago=r"à partir de maintenant",
    half_hour=r"une demi-heure",
    also=r"(?:et|,)(?: les?)?",
    days={"après-demain": 2, "demain": 1, "aujourd[’']hui": 0},
    weekdays=(r"lundi", r"mardi", r"mercredi", r"jeudi", r"vendredi", r"samedi", r"dimanche"),
    habit=r"les {day}s",
    month_day=r"(?:tous les|le) (\d{1,2})(?:er)?(?! ?h|[:.]?\d)",
    months=("janv(?:ier)?", "févr?(?:ier)?", "mars", "avr(?:il)?", "mai", "juin",
            "juil(?:let)?", "août", "sept(?:embre)?", "oct(?:obre)?", "nov(?:embre)?", "déc(?:embre)?"),
    on=r"le|ce|avant le|pour le|au",
    coming=r"prochaine?",
    at=r"à|vers|avant",
    o_clock=r"h(?:eures?)?",
    parts={r"(?:du|le|ce|au) matin": 9, r"(?:de l[’']|l[’']|cet )après-midi": 15, r"(?:du|le|ce|au) soir": 19,
           r"cette nuit|de la nuit": 21},
    bare={"matins?": 9, "après-midis?": 15, "soirs?": 19},
    past={},
    plus={"et demie": 30, "et quart": 15, "moins le quart": -15},
    noon={"(?:à )?midi": 12, "(?:à )?minuit": 0},
    every=r"chaque|tou(?:te)?s les|tou(?:te)?s",
    other=r"un (?=\w+ sur deux)",
    adverbs={"quotidiennement": ("day", 1), "hebdomadairement": ("week", 1), "mensuellement": ("month", 1),
             "annuellement": ("year", 1)},
    nth={"premi(?:er|ère)s?": 1, "1er": 1, "deuxièmes?|seconde?s?": 2, "troisièmes?": 3, "quatrièmes?": 4,
         "derni(?:er|ère)s?": -1},
    of_month=r"du mois",
    each_month=r"(?:de chaque|de tous les|du) mois",
    workdays=r"jours? (?:de semaine|ouvrables?|ouvrés?)",
    weekend=r"week-?ends?",
    until=r"jusqu[’']au|jusqu[’']à",
    times=r"fois",
)  # fmt: skip

SPANISH = Language(
    code="es",
    lead=r"(?:por favor,? )?(?:recuérdame|recuerdame|recordatorio)",
    edges=r"que|de|y|luego|,|:|para",
    numbers={
        "un[ao]?": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7,
        "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12,
    },
    units={"min(?:utos?)?": "minute", "horas?|h": "hour", "días?|dias?": "day", "semanas?": "week",
           "mes(?:es)?": "month", "años?": "year"},
    within=r"en|dentro de",
    ago=r"a partir de ahora",
    half_hour=r"media hora",
    also=r"(?:y|,)(?: el| los)?",
    days={"pasado mañana": 2, "mañana": 1, "hoy": 0},
    weekdays=(r"lunes", r"martes", r"mi[ée]rcoles", r"jueves", r"viernes", r"s[áa]bado", r"domingo"),
    habit=r"los {day}s?",
    month_day=r"(?:el )?d[ií]a (\d{1,2})|el (\d{1,2})(?! ?h|[:.]?\d)|(\d{1,2})(?= de cada mes)",
    months=("ene(?:ro)?", "feb(?:rero)?", "mar(?:zo)?", "abr(?:il)?", "mayo?", "jun(?:io)?",
            "jul(?:io)?", "ago(?:sto)?", "sept?(?:iembre)?", "oct(?:ubre)?", "nov(?:iembre)?", "dic(?:iembre)?"),
    on=r"el|este|los|antes del",
    coming=r"próximo|que viene|proximo",
    at=r"a las?|sobre las?|hacia las?|antes de las?",
    o_clock=r"h(?:oras)?",
    parts={r"(?:por|de|en) la mañana": 9, r"(?:(?:por|de|en) la|esta) tarde": 17,
           r"(?:(?:por|de|en) la|esta) noche": 20},
    bare={"mañanas": 9, "tardes": 17, "noches": 20},
    past={},
    plus={"y media": 30, "y cuarto": 15, "menos cuarto": -15},
    noon={"(?:al? )?mediod[ií]a": 12, "(?:a )?medianoche": 0},
    every=r"cada|tod[oa]s l[oa]s",
    other=r"un (?=\w+ s[ií] y)",
    adverbs={"diariamente": ("day", 1), "semanalmente": ("week", 1), "mensualmente": ("month", 1),
             "anualmente": ("year", 1)},
    nth={"primer[oa]?s?": 1, "segund[oa]s?": 2, "tercer[oa]?s?": 3, "cuart[oa]s?": 4, "últim[oa]s?": -1},
    of_month=r"del mes",
    each_month=r"(?:de cada|de todos los) mes(?:es)?",
    workdays=r"días? (?:laborables?|de semana|hábil(?:es)?)",
    weekend=r"fin(?:es)? de semana",
    until=r"hasta(?: el)?",
    times=r"veces",
)  # fmt: skip

LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH)
