"""The electronic invoice that Factur-X (ZUGFeRD 2) makes of an attachment: what the XMP says of it."""

import re

NAME = "factur-x.xml"
_SPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_GUIDELINE = re.compile(
    rb"GuidelineSpecifiedDocumentContextParameter>\s*<[^>]*ID[^>]*>([^<]*)<", re.DOTALL
)
_LEVELS = {
    b"minimum": "MINIMUM",
    b"basicwl": "BASIC WL",
    b"basic": "BASIC",
    b"extended": "EXTENDED",
    b"xrechnung": "XRECHNUNG",
}
_USUAL = "EN 16931"
_NO_INVOICE = {"MINIMUM", "BASIC WL"}  # less than the law asks of an invoice: data about one

_PROPERTIES = {
    "DocumentType": "INVOICE",
    "DocumentFileName": "name of the embedded XML invoice file",
    "Version": "version of the XML schema",
    "ConformanceLevel": "conformance level of the XML invoice data",
}
_PROPERTY = """<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{}</pdfaProperty:name>\
<pdfaProperty:valueType>Text</pdfaProperty:valueType>\
<pdfaProperty:category>external</pdfaProperty:category>\
<pdfaProperty:description>{}</pdfaProperty:description></rdf:li>"""
_XMP = f"""<rdf:Description rdf:about="" xmlns:fx="{_SPACE}"><fx:DocumentType>INVOICE</fx:DocumentType>\
<fx:DocumentFileName>{NAME}</fx:DocumentFileName><fx:Version>1.0</fx:Version>\
<fx:ConformanceLevel>{{level}}</fx:ConformanceLevel></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>{_SPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
<pdfaSchema:property><rdf:Seq>{{properties}}</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag>\
</pdfaExtension:schemas></rdf:Description>
"""


def level(invoice: bytes) -> str:
    """The profile that the invoice says it follows."""
    found = _GUIDELINE.search(invoice)
    guideline = found[1].lower() if found else b""
    return next((name for sign, name in _LEVELS.items() if sign in guideline), _USUAL)


def relationship(invoice: bytes) -> bytes:
    """What the invoice is to the pages: the same in another form, or less than they say."""
    return b"Data" if level(invoice) in _NO_INVOICE else b"Alternative"


def described(invoice: bytes) -> str:
    """RDF that says there is an invoice, with the schema that an archive asks for."""
    properties = "".join(_PROPERTY.format(name, text) for name, text in _PROPERTIES.items())
    return _XMP.format(level=level(invoice), properties=properties)
