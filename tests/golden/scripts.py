# ruff: noqa: RUF001  letters of one script look like those of another
"""A line of text in each of many scripts, as people write them, and how to compare what readers give."""

import re
from unicodedata import normalize

_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def compared(text: str) -> str:
    """Text without white space and marks of direction, which readers place as they see fit; composed."""
    return normalize("NFC", re.sub(r"\s", "", _DIRECTIONS.sub("", text)))


SAMPLES = {
    "Latin": "Zażółć gęślą jaźń, ảnh đẹp",
    "Latin with marks apart": "e\u0301cole x\u0304y\u0307 a\u0323\u0308",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ἐλεύθεροι",
    "Cyrillic": "Все люди рождаются свободными й Ї",
    "Armenian": "Բոլոր մարդիկ ծնվում են ազատ",
    "Georgian": "ყველა ადამიანი იბადება თავისუფალი",
    "Arabic": "يولد جميع الناس أحرارا متساوين",
    "Arabic with vowels": "بِسْمِ ٱللَّهِ الرَّحْمٰنِ",
    "Persian": "تمام افراد بشر آزاد می\u200cشوند",
    "Urdu": "تمام انسان آزاد پیدا ہوئے ہیں",
    "Hebrew": "כל בני האדם נולדו בני חורין",
    "Hebrew with points": "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "Yiddish": "יעדער מענטש װערט געבױרן פֿרײַ",
    "Syriac": "ܟܠ ܒܪܢܫܐ ܒܪܝܠܗ ܚܐܪܐ",
    "Thaana": "ހުރިހާ އިންސާނުން ވެސް އުފަންވަނީ",
    "N'Ko": "ߡߐ߱ ߓߍ߯ ߡߐߦߌߣߍ߲",
    "Adlam": "𞤋𞤲𞥆𞤢𞤥𞤢 𞤢𞤣𞤤𞤢𞤥",
    "Samaritan": "ࠀࠁࠂ ࠃࠄࠅ",
    "Mandaic": "ࡀࡁࡂ ࡃࡄ",
    "Devanagari": "सभी मनुष्यों को गौरव और अधिकारों के विषय में",
    "Marathi": "श्रीमंत क्षेत्र ज्ञानेश्वर र्‍य",
    "Bengali": "সমস্ত মানুষ স্বাধীনভাবে কোনো সৌর",
    "Assamese": "সকলো মানুহেই স্বাধীনভাৱে",
    "Gurmukhi": "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ ਆਪਣੀ ਮਹਿਮਾ",
    "Gujarati": "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ",
    "Oriya": "ସମସ୍ତ ମନୁଷ୍ୟ ଜନ୍ମକାଳରୁ ସ୍ୱାଧୀନ କୋଣ",
    "Tamil": "மனிதப் பிறவியினர் சகலரும் கொடுக்கவும் சௌ",
    "Telugu": "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును",
    "Kannada": "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಕೊಡು",
    "Malayalam": "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും കൊ",
    "Sinhala": "සියලු මනුෂ්‍යයෝ නිදහස්ව ශ්‍රී ලංකාව කොළඹ",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระ น้ำ ก่ำ",
    "Lao": "ມະນຸດເກີດມາມີສິດເສລີພາບ ນ້ຳ",
    "Tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ",
    "Myanmar": "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာ မြန်မာ",
    "Khmer": "មនុស្សទាំងអស់កើតមកមានសេរីភាព ស្រី ខ្មែរ កោះ",
    "Ethiopic": "የሰው ልጅ ሁሉ ሲወለድ ነጻና",
    "Cherokee": "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ",
    "Canadian syllabics": "ᐃᓄᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓐᓇᖏᑦᑐᑦ",
    "Hangul": "모든 인간은 태어날 때부터 자유로우며",
    "Hangul in jamo": "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "Hiragana": "すべての にんげんは うまれながらに",
    "Katakana": "スベテノ ニンゲン パピプペポ",
    "Han": "人人生而自由，在尊严和权利上一律平等。",
    "Bopomofo": "ㄖㄣˊ ㄖㄣˊ ㄕㄥ ㄦˊ",
    "Yi": "ꊿꂷꃅꄿꐨꐥ",
    "Mongolian": "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ",
    "Phags-pa": "ꡏꡡꡃ ꡣꡡꡙ",
    "Tifinagh": "ⵉⵎⴷⴰⵏⵏ ⴰⴽⴽⵯ ⵜⵜⵍⴰⵍⵏ",
    "Javanese": "ꦱꦧꦼꦤ꧀ꦮꦺꦴꦁꦏꦭꦲꦶꦂ",
    "Balinese": "ᬲᬓᬮ ᬫᬦᬸᬲᬦᬾ",
    "Sundanese": "ᮞᮊᮥᮙ᮪ᮔ ᮏᮜ᮪ᮙ",
    "Tai Tham": "ᩅᩥᨩᩣ ᨶᩣ",
    "New Tai Lue": "ᦂᦴᦉ ᦅᦳᧂ",
    "Limbu": "ᤕᤠᤰᤌᤢᤱ",
    "Lepcha": "ᰛᰩᰵᰛᰧᰶ",
    "Meetei Mayek": "ꯃꯤꯑꯣꯏꯕ ꯈꯨꯗꯤꯡꯃꯛ",
    "Ol Chiki": "ᱡᱚᱛᱚ ᱦᱚᱲ",
    "Gothic": "𐌰𐌻𐌻𐌰𐌹 𐌼𐌰𐌽𐌽𐌰",
    "Runic": "ᚠᚢᚦᚨᚱᚲ",
    "Cuneiform": "𒀭𒂗𒆤",
    "Symbols": "€ ₹ ₿ № ™ ½ ↔ ∑ ✓ ☂ ♫",
}
