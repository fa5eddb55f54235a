"""The buyers: fictitious people derived from customer numbers, always the same, typical of their country."""

import random
import re
import unicodedata
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.main_job.sales import Sale


@dataclass(frozen=True)
class Country:
    """What names, streets, towns and telephone numbers look like in a country."""

    code: str  # ISO 3166-1 alpha-2
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    street: str  # of {number} and {street}
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str], ...]  # each with its postcode, in which # is a digit
    phone: str  # in which # is a digit
    locale: str = "en"


@dataclass(frozen=True)
class Customer:
    """A customer; all of it is fictitious."""

    id: UUID
    name: str
    email: str
    phone: str
    line1: str
    city: str
    postcode: str
    country: str
    locale: str
    is_known: bool  # has a number in the data; a guest has none


def words(text: str) -> tuple[str, ...]:
    """The comma-separated names in a text."""
    return tuple(part.strip() for part in text.split(","))


def towns(text: str) -> tuple[tuple[str, str], ...]:
    """The towns in a text like `Leeds LS1 #AA, York YO# 7BB`: up to the first part with a digit or #."""
    parted = (re.fullmatch(r"([^\d#]+?) ((?:[A-Z]{1,2})?[\d#].*)", town) for town in words(text))
    return tuple((town[1], town[2]) for town in parted if town)


COUNTRIES = {
    "United Kingdom": Country(
        "GB",
        words("Amelia, Arthur, Beatrice, Callum, Daisy, Edward, Fiona, George, Harriet, Imogen, Jack, Megan"),
        words("Ashworth, Bennett, Carter, Dawson, Ellis, Fletcher, Hughes, Marsh, Pearce, Sinclair, Walsh"),
        "{number} {street}",
        words("Mill Lane, Station Road, Church Street, Orchard Close, Victoria Terrace, Bridge Street"),
        towns(
            "Leeds LS1 #HT, York YO1 #QB, Bristol BS1 #LR, Norwich NR2 #DN, Cardiff CF10 #BH, Bath BA1 #NP"
        ),
        "+44 1632 960###",
    ),
    "EIRE": Country(
        "IE",
        words("Aoife, Brendan, Ciara, Declan, Eimear, Fergus, Niamh, Oisín, Róisín, Sean"),
        words("Brennan, Byrne, Doyle, Gallagher, Kavanagh, Murphy, Nolan, O'Sullivan, Quinn, Ryan"),
        "{number} {street}",
        words("Main Street, Abbey Road, Harbour View, Chapel Lane, Patrick Street"),
        towns("Galway H91 ###X, Cork T12 ###Y, Limerick V94 ###W, Sligo F91 ###E"),
        "+353 20 912 ####",
    ),
    "Germany": Country(
        "DE",
        words("Anna, Bernd, Clara, Dieter, Frieda, Jürgen, Katharina, Lukas, Sabine, Thomas"),
        words("Becker, Fischer, Hoffmann, Krüger, Müller, Schäfer, Schneider, Vogel, Weber, Zimmermann"),
        "{street} {number}",
        words("Gartenstraße, Hauptstraße, Lindenallee, Bahnhofstraße, Schillerstraße"),
        towns("Hamburg 20###, Leipzig 04###, Köln 50###, Bremen 28###, Freiburg 79###"),
        "+49 30 23125 ###",
    ),
    "France": Country(
        "FR",
        words("Camille, Élodie, François, Hélène, Julien, Léa, Mathieu, Nicolas, Sophie, Thierry"),
        words("Bernard, Chevalier, Dubois, Fontaine, Girard, Lefèvre, Moreau, Perrin, Rousseau, Simon"),
        "{number} {street}",
        words("rue des Lilas, rue Pasteur, avenue du Parc, place de l'Église, rue Victor Hugo"),
        towns("Lyon 690##, Nantes 440##, Lille 590##, Bordeaux 330##, Rennes 350##"),
        "+33 1 99 00 ## ##",
    ),
    "Spain": Country(
        "ES",
        words("Álvaro, Carmen, Diego, Elena, Íñigo, Lucía, Marta, Pablo, Rocío, Sergio"),
        words("Castro Vidal, Ferrer Ortega, Gil Navarro, Ibáñez Soler, Muñoz Prieto, Peña Cano, Ruiz Lorca"),
        "{street} {number}",
        words("Calle del Olmo, Calle Mayor, Avenida de la Paz, Paseo del Prado, Calle San Juan"),
        towns("Valencia 460##, Sevilla 410##, Bilbao 480##, Zaragoza 500##, Granada 180##"),
        "+34 960 555 ###",
        locale="es",
    ),
    "Netherlands": Country(
        "NL",
        words("Anouk, Bram, Daan, Femke, Joris, Lotte, Maarten, Noor, Pieter, Sanne"),
        words("Bakker, de Boer, Dijkstra, Jansen, van Leeuwen, Mulder, Smit, de Vries, Visser"),
        "{street} {number}",
        words("Dorpsstraat, Molenweg, Kerkplein, Beatrixlaan, Havenkade"),
        towns("Utrecht 35## GH, Groningen 97## KL, Breda 48## RS, Haarlem 20## BD"),
        "+31 85 888 ####",
    ),
    "Belgium": Country(
        "BE",
        words("Arne, Céline, Dries, Élise, Gilles, Hanne, Jeroen, Manon, Thibault, Veerle"),
        words("Claes, Declercq, Dupont, Goossens, Lambert, Maes, Peeters, Renard, Wouters"),
        "{street} {number}",
        words("Stationsstraat, Kerkstraat, Rue de la Gare, Avenue des Tilleuls"),
        towns("Gent 90##, Leuven 30##, Namur 50##, Brugge 80##"),
        "+32 460 00 ## ##",
    ),
    "Portugal": Country(
        "PT",
        words("Ana, Bruno, Catarina, Duarte, Inês, João, Mariana, Nuno, Rita, Tiago"),
        words("Almeida, Carvalho, Esteves, Fonseca, Gonçalves, Lopes, Magalhães, Pinto, Sousa"),
        "{street} {number}",
        words("Rua das Flores, Rua do Carmo, Avenida da Liberdade, Travessa da Fonte"),
        towns("Porto 4000-0##, Coimbra 3000-1##, Braga 4700-2##, Évora 7000-5##"),
        "+351 21 000 ####",
    ),
    "Italy": Country(
        "IT",
        words("Alessia, Bruno, Chiara, Davide, Federica, Giulia, Lorenzo, Matteo, Paola, Stefano"),
        words("Bianchi, Conti, De Luca, Esposito, Ferrari, Gallo, Marchetti, Ricci, Romano, Villa"),
        "{street} {number}",
        words("Via Garibaldi, Via Roma, Corso Italia, Piazza Dante, Via dei Mille"),
        towns("Torino 101##, Bologna 401##, Verona 371##, Parma 431##"),
        "+39 06 5555 ####",
    ),
    "Austria": Country(
        "AT",
        words("Andreas, Birgit, Elisabeth, Florian, Johanna, Markus, Theresa, Wolfgang"),
        words("Bauer, Eder, Gruber, Huber, Leitner, Pichler, Steiner, Wagner"),
        "{street} {number}",
        words("Hauptplatz, Mozartgasse, Schlossstraße, Am Graben"),
        towns("Wien 10##, Graz 80##, Linz 40##, Innsbruck 60##"),
        "+43 720 88 ## ##",
    ),
    "Finland": Country(
        "FI",
        words("Aino, Eero, Helmi, Juhani, Kaisa, Mikko, Outi, Päivi, Tapio, Väinö"),
        words("Heikkinen, Järvinen, Korhonen, Laine, Mäkinen, Nieminen, Saarinen, Virtanen"),
        "{street} {number}",
        words("Rantatie, Koulukatu, Kirkkokatu, Metsäpolku"),
        towns("Turku 20###, Tampere 33###, Oulu 90###, Helsinki 00###"),
        "+358 9 5555 ###",
    ),
}


def customer_of(sale: Sale, seller: str) -> Customer:
    """The customer of an order: the one with this number, or a guest for this invoice."""
    who = sale.customer or f"guest-{sale.reference}"
    chance = random.Random(who)  # noqa: S311 - invention, not secrecy; the same seed invents the same person
    country = COUNTRIES[sale.country]
    first, last = chance.choice(country.first_names), chance.choice(country.last_names)
    city, postcode = chance.choice(country.towns)
    street = country.street.format(number=chance.randint(1, 180), street=chance.choice(country.streets))
    return Customer(
        id=uuid5(NAMESPACE_URL, f"waybill-demo:{seller}:{who}"),
        name=f"{first} {last}",
        email=f"{_ascii(first)}.{_ascii(last)}.{who}@customers.example",
        phone=_digits(chance, country.phone),
        line1=street,
        city=city,
        postcode=_digits(chance, postcode),
        country=country.code,
        locale=country.locale,
        is_known=sale.customer is not None,
    )


def _digits(chance: random.Random, pattern: str) -> str:
    return re.sub("#", lambda _: str(chance.randint(0, 9)), pattern)


def _ascii(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", "-", bare.lower()).strip("-")
