"""What months are called, in full and short, in the languages that dates in files are written in."""

from __future__ import annotations

# English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Ukrainian, Turkish, Czech, Swedish,
# Danish, Norwegian, Indonesian, Arabic and Hindi; no name means different months in two of them. Without the dot.
_NAMES = (
    "ene enero gen gennaio jan janeiro januar januari january janv janvier jänner led leden ledna oca ocak sty "
    "styczeń stycznia січ січень січня янв январь января يناير जनवरी जन॰",
    "feb febbraio febrero febr februar februari february fev fevereiro févr fév février lut lutego luty úno únor února "
    "şub şubat лют лютий лютого фев февр февраль февраля فبراير फ़रवरी फ़र॰",
    "bře březen března maart mar marca march maret mars mart marts marzec marzo março mrt mär märz бер березень "
    "березня мар март марта مارس मार्च",
    "abr abril apr april aprile avr avril dub duben dubna kwi kwiecień kwietnia nis nisan апр апрель апреля квіт "
    "квітень квітня أبريل إبريل अप्रैल",
    "kvě květen května mag maggio mai maio maj maja may mayo mayıs mei май мая трав травень травня مايو मई",
    "cze czerwca czerwiec giu giugno haz haziran juin jun june junho juni junio červen června čvn июн июнь июня черв "
    "червень червня يونيو जून",
    "juil juillet jul julho juli julio july lip lipca lipiec lug luglio tem temmuz července červenec čvc июл июль июля "
    "лип липень липня يوليو जुलाई जुल॰",
    "ago agosto agu agustus août aug august augusti augustus ağu ağustos sie sierpień sierpnia srp srpen srpna авг "
    "август августа серп серпень серпня أغسطس अगस्त अग॰",
    "eyl eylül sep sept september septembre septiembre set setembro settembre wrz wrzesień września zář září вер "
    "вересень вересня сен сент сентябрь сентября سبتمبر सितंबर सित॰",
    "eki ekim oct october octobre octubre okt oktober ott ottobre out outubro paź październik października říj říjen "
    "října жовт жовтень жовтня окт октябрь октября أكتوبر अक्टूबर अक्टू॰",
    "kas kasım lis listopad listopada listopadu nov november novembre novembro noviembre лист листопад листопада ноя "
    "нояб ноябрь ноября نوفمبر नवंबर नव॰",
    "ara aralık dec december des desember dez dezember dezembro dic dicembre diciembre déc décembre gru grudnia "
    "grudzień pro prosince prosinec груд грудень грудня дек декабрь декабря ديسمبر दिसंबर दिस॰",
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}


def month_number(name: str) -> int | None:
    """1 to 12, whatever the case, with or without the dot of an abbreviation."""
    return _NUMBERS.get(name.casefold().rstrip("."))
