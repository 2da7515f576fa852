"""URLs of the example's own views."""

from django.urls import path

from reports.views import ReportCount, Reports, WhoAmI

urlpatterns = [
    path("whoami", WhoAmI.as_view(), name="whoami"),
    path("reports", Reports.as_view(), name="reports"),
    path("reports/count", ReportCount.as_view(), name="report-count"),
]
