"""The example's Django project. It loads the Celery app, which ``@shared_task`` needs."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
