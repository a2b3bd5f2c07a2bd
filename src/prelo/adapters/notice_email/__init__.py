"""Notices by mail: text and HTML in the caller's language, with the file where it fits."""

from prelo.adapters.notice_email.courier import EmailCourier

__all__ = ["EmailCourier"]
