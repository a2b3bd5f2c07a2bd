"""Arabic words, built as the language builds them: three consonants of a root in a pattern."""

ROOTS = (  # noqa: SIM905  a list of them would fill the page
    "كتب درس علم عمل فتح دخل خرج جلس شرب طلب حمل نقل قطع جمع حسب سمع نظر فهم حفظ ذكر شكر صبر غفر كسر ضرب نصر"
    " ملك حكم عدل ظلم كرم شرف رزق سكن بحر شجر ثمر زرع حصد طبخ غسل لبس صنع تجر بحث سفر رسم رقص لعب ركب صلح"
    " ربح خسر دفع قبض عرض شرح وصف فصل ربط نشر حضر غرب شرق شمل"
).split()
# فعل, "to do", stands for the three consonants of every root.
PATTERNS = (  # noqa: SIM905  as above
    "فعل فاعل مفعول فعال فعيل فعول تفعيل مفعل مفعلة فاعلة فعالة فعيلة انفعال افتعال استفعال تفاعل مفاعلة"
    " أفعال متفاعل مستفعل تفعل فواعل مفاعيل مفعولات"
).split()


def words() -> list[str]:
    """Every root in every pattern, without and with the article; all different."""
    found = (
        article + pattern.translate(dict(zip(map(ord, "فعل"), root, strict=True)))
        for root in ROOTS
        for pattern in PATTERNS
        for article in ("", "ال")
    )
    return list(dict.fromkeys(found))
