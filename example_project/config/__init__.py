"""The Django project of the example; Celery's app is loaded with it, for ``@shared_task``."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
