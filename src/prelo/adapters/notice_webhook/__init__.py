"""Notices by webhook: CloudEvents over HTTP, signed by Standard Webhooks, to checked addresses only."""

from prelo.adapters.notice_webhook.courier import WebhookCourier

__all__ = ["WebhookCourier"]
