"""Names, figures and dates of a matter, drawn so that nothing occurs twice in it by accident."""

import datetime
import functools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

_BEGINNINGS = (
    "Hal", "Bren", "Cor", "Mar", "Tarn", "Wex", "Lind", "Ash", "Ever", "Quill", "Sten", "Fal",
    "Ros", "Drum", "Kes", "Pell", "Vail", "Thorn", "Oster", "Nor", "Grim", "Hart", "Lang", "Mer",
    "Ard", "Bal", "Carn", "Dal", "Ell", "Fen", "Gar", "Hol", "Ing", "Jor", "Kil", "Lor", "Mal",
    "Nev", "Orm", "Pen", "Rav", "Sel", "Tor", "Ul", "Var", "Wal", "Yar", "Zel", "Bram", "Clun",
    "Dun", "Esk", "Frith", "Glen", "Hes", "Ivel", "Jarl", "Kern", "Lyn", "Mos", "Nant", "Oak",
    "Pres", "Quar", "Rud", "Skel", "Treb", "Urm", "Ved", "Whit", "Yew", "Alm", "Birk", "Crag",
    "Dov", "Elm", "Fosse", "Gild", "Hazel", "Isen", "Kirk", "Lax", "Mund", "Nether", "Otter",
    "Pol", "Rams", "Sand", "Thirl", "Ulver", "Wend", "Aller", "Bex", "Cald", "Denn", "Egre",
    "Farn", "Gos",
)  # fmt: skip
_ENDINGS = (
    "den", "wick", "vale", "row", "holm", "ford", "bury", "stead", "mere", "gate", "well", "rick",
    "moor", "combe", "field", "haven", "ton", "ley", "worth", "thorpe", "by", "dale", "beck",
    "brook", "cliffe", "cote", "croft", "down", "fell", "firth", "garth", "gill", "grange", "ham",
    "hithe", "holt", "hurst", "keld", "land", "leigh", "low", "marsh", "minster", "mouth", "ness",
    "ridge", "rigg", "scar", "shaw", "slade", "stoke", "stow", "tarn", "thwaite", "toft", "tree",
    "wade", "wald", "ward", "wath", "water", "weald", "wold", "yard",
)  # fmt: skip
_EVERYDAY = frozenset(
    {"Garden", "Hallow", "Fallow", "Wallow", "Hollow", "Marrow", "Yarrow", "Netherland", "Holland"}
)
COMPANIES, PEOPLE = 12, 36
"""How many of each one task may draw; people share neither forename nor surname."""
_LEGAL_FORMS = ("Ltd", "AG", "LLC", "Inc", "plc", "BV", "SA")
_FORENAMES = (
    "Amara", "Bruno", "Celia", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Isolde", "Jonas",
    "Katya", "Lionel", "Miriam", "Nadia", "Oscar", "Priya", "Quentin", "Rosalind", "Samuel",
    "Tessa", "Umberto", "Verity", "Walter", "Yvonne", "Adeline", "Bashir", "Corinne", "Desmond",
    "Eudora", "Fergus", "Gwendolen", "Hideo", "Imogen", "Jasper", "Kwame", "Leonora", "Mateus",
    "Nerys", "Ottilie", "Percival", "Renata", "Stellan", "Tobias", "Ursula", "Viggo", "Wilhelmina",
    "Xavier", "Zuleika",
)  # fmt: skip
_SURNAMES = (
    "Abernathy", "Bellweather", "Castellan", "Demarest", "Eklund", "Fairbairn", "Galbraith",
    "Hathersage", "Iversen", "Jarrold", "Kettering", "Lockhart", "Montague", "Nakamura",
    "Oyelaran", "Pemberton", "Quartermain", "Rasmussen", "Silvestri", "Tolland", "Underhill",
    "Vandermeer", "Wetherby", "Yardley", "Achterberg", "Bonaventure", "Cholmondeley", "Dalrymple",
    "Escarra", "Featherstone", "Grundvig", "Hallorann", "Ironmonger", "Jellicoe", "Kowalczyk",
    "Lindqvist", "Maddox", "Nightingale", "Okonkwo", "Partridge", "Quennell", "Ravenscroft",
    "Szymanski", "Thistlethwaite", "Urquhart", "Villanueva", "Whitcombe", "Yamaguchi", "Zielinski",
    "Attenborough", "Birtwistle", "Carmichael", "Drinkwater", "Entwistle", "Fitzwilliam",
    "Gallimore", "Higginbotham", "Ibarguen", "Kinnaird", "Llewellyn",
)  # fmt: skip
# None is part of an everyday word ("tern" is part of "internal"), so that none occurs by accident.
_PROJECTS = (
    "Kestrel", "Avocet", "Bittern", "Curlew", "Dotterel", "Fieldfare", "Goshawk", "Harrier",
    "Jacana", "Kingfisher", "Lapwing", "Merlin", "Nightjar", "Osprey", "Plover", "Redstart",
    "Sandpiper", "Whimbrel", "Brambling", "Chiffchaff", "Dunlin", "Fulmar", "Gannet", "Hoopoe",
    "Kittiwake", "Linnet", "Moorhen", "Nuthatch", "Oriole", "Pintail", "Quetzal", "Razorbill",
    "Shoveler", "Turnstone", "Wheatear", "Yellowhammer", "Agate", "Beryl", "Carnelian", "Citrine",
    "Dolomite", "Feldspar", "Garnet", "Haematite", "Jargoon", "Kyanite", "Malachite",
    "Obsidian", "Peridot", "Rhodonite", "Serpentine", "Tourmaline", "Zircon", "Alderfly",
    "Blackthorn", "Buckthorn", "Cypress", "Hawthorn", "Hornbeam", "Juniper", "Laburnum",
    "Mulberry", "Rowanberry", "Spindlewood", "Sycamore", "Tamarisk", "Viburnum", "Whitebeam",
    "Asphodel", "Betony", "Campion", "Eglantine", "Foxglove", "Gentian", "Harebell", "Larkspur",
    "Marjoram", "Oleander", "Pimpernel", "Saxifrage", "Tansy", "Valerian", "Yarrow", "Aldebaran",
    "Bellatrix", "Capella", "Deneb", "Fomalhaut", "Mirach", "Polaris", "Rigel", "Alpaca",
    "Badger", "Caracal", "Dormouse", "Ermine", "Gazelle", "Hedgehog", "Jackdaw", "Leveret",
    "Marten", "Narwhal", "Ocelot", "Pangolin", "Squirrel", "Wallaby", "Balalaika", "Clavichord",
    "Dulcimer", "Harpsichord", "Mandolin", "Ocarina", "Tambourine", "Vihuela", "Zither",
    "Catamaran", "Dromond", "Felucca", "Gondola", "Lugger", "Schooner", "Trireme", "Windjammer",
)  # fmt: skip
_STREETS = ("Alder Quay", "Bishop Lane", "Canal Row", "Dyer Street", "Foundry Road", "Mill Bank")
_LAWS = (
    ("Ireland", "Dublin"), ("Singapore", "Singapore"), ("Ontario", "Toronto"),
    ("New York", "New York"), ("the Netherlands", "Amsterdam"), ("Switzerland", "Zurich"),
    ("Victoria", "Melbourne"), ("Sweden", "Stockholm"),
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_CURRENCIES = ("EUR", "USD", "GBP")
# Numbers below 21 are left to clauses and headings, so that none of them answers by accident.
_DAYS = (
    21, 24, 28, 30, 35, 36, 40, 42, 45, 48, 50, 55, 56, 60, 65, 70, 75, 80, 84, 85, 90, 95, 100,
    105, 110, 112, 115, 120, 125, 130, 135, 140, 150, 160, 170, 180,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Company:
    """A company's full name, and the name by which letters call it."""

    name: str
    short: str


class Draw:
    """One task's random choices: the same seed and index always draw the same, in any process."""

    def __init__(self, seed: int, index: int) -> None:
        self._random = random.Random(f"benchmark/{seed}/task/{index}")
        first = index * COMPANIES % (len(_shuffled_roots(seed)) // COMPANIES * COMPANIES)
        self._roots = iter(_shuffled_roots(seed)[first:][:COMPANIES])
        self._people = iter(_named(self._random))
        self._laws = iter(self._random.sample(_LAWS, len(_LAWS)))
        self._used: set[float] = set()
        self._used_dates: set[datetime.date] = set()
        self.currency = self.pick(_CURRENCIES)
        self.project = f"Project {_shuffled_projects(seed)[index % len(_PROJECTS)]}"
        self.companies: list[Company] = []
        """Those drawn so far."""
        self.persons: list[str] = []

    def pick(self, options: Sequence[str]) -> str:
        """One of the options."""
        return self._random.choice(options)

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return self._random.random() < probability

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def positions(self, size: int, count: int) -> tuple[int, ...]:
        """`count` different positions below `size`, in ascending order."""
        return tuple(sorted(self._random.sample(range(size), count)))

    def hexadecimal(self, digits: int) -> str:
        """That many random hexadecimal digits."""
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def company(self, trade: str) -> Company:
        """A company of a trade, whose root word no other task of the benchmark uses."""
        short = f"{next(self._roots)} {trade}"
        self.companies.append(Company(f"{short} {self.pick(_LEGAL_FORMS)}", short))
        return self.companies[-1]

    def person(self) -> str:
        """A person, each once."""
        self.persons.append(next(self._people))
        return self.persons[-1]

    def law(self) -> tuple[str, str]:
        """A governing law and the city of its courts, each once."""
        return next(self._laws)

    def address(self) -> str:
        """A street address."""
        return f"{self.count(11, 98)} {self.pick(_STREETS)}"

    def days(self, low: int = 21, high: int = 180) -> int:
        """A period between two bounds; no number is drawn twice in a matter."""
        usual = [days for days in _DAYS if low <= days <= high and days not in self._used]
        free = usual or [days for days in range(low, high + 1) if days not in self._used]
        return int(self._take(self._random.choice(free)))

    def percent(self, low: float, high: float, step: float = 0.25) -> float:
        """A percentage on a grid; no number is drawn twice in a matter."""
        steps = round((high - low) / step)
        grid = [round(low + step * position, 2) for position in range(steps + 1)]
        free = [value for value in grid if value not in self._used]
        return self._take(self._random.choice(free)) if free else self.percent(low, high, step / 2)

    def amount(self, low: int, high: int, step: int = 500) -> int:
        """A sum of money on a grid; no number is drawn twice in a matter."""
        while (value := low + step * self._random.randint(0, (high - low) // step)) in self._used:
            pass
        return int(self._take(value))

    def date(self, first: datetime.date, last: datetime.date) -> datetime.date:
        """A working day between two dates, each once."""
        while True:
            days = self._random.randint(0, (last - first).days)
            drawn = first + datetime.timedelta(days=days)
            if drawn.weekday() < 5 and drawn not in self._used_dates:
                self._used_dates.add(drawn)
                return drawn

    def _take(self, value: float) -> float:
        self._used.add(value)
        return value


def long_date(date: datetime.date) -> str:
    """A date as letters write it: 31 March 2026."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def working_day_after(date: datetime.date, days: int) -> datetime.date:
    """The date that many calendar days later (or earlier), moved on to Monday from a weekend."""
    moved = date + datetime.timedelta(days=days)
    return moved + datetime.timedelta(days=7 - moved.weekday() if moved.weekday() > 4 else 0)


def business_day_after(date: datetime.date, days: int) -> datetime.date:
    """The date that many business days later; Saturdays and Sundays are none, nothing else."""
    while days > 0:
        date += datetime.timedelta(days=1)
        days -= date.weekday() < 5
    return date


@functools.cache
def _shuffled_roots(seed: int) -> tuple[str, ...]:
    made = dict.fromkeys(first + last for first in _BEGINNINGS for last in _ENDINGS)
    roots = [root for root in made if root not in _EVERYDAY and not re.search(r"(.)\1\1", root)]
    random.Random(f"benchmark/{seed}/names").shuffle(roots)
    return tuple(roots)


@functools.cache
def _shuffled_projects(seed: int) -> tuple[str, ...]:
    return tuple(random.Random(f"benchmark/{seed}/projects").sample(_PROJECTS, len(_PROJECTS)))


def _named(source: random.Random) -> list[str]:
    forenames, surnames = source.sample(_FORENAMES, PEOPLE), source.sample(_SURNAMES, PEOPLE)
    return [" ".join(names) for names in zip(forenames, surnames, strict=True)]
