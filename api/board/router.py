"""The board's router: all pages in their order. The one name that the composition root needs."""

from __future__ import annotations

from fastapi import APIRouter

from api.board import (
    pages_accounts,
    pages_alerts,
    pages_channels,
    pages_demo,
    pages_frame,
    pages_handling,
    pages_policies,
    pages_quiet,
    pages_reports,
    pages_residents,
    pages_rules,
    pages_shifts,
    pages_tests,
    pages_things,
    pages_why,
)
from api.http.services import Services


def board_router(services: Services) -> APIRouter:
    """Pages for `create_app(services, pages=[board_router(services)])`; "Try it" only where there is a demo."""
    router = APIRouter()
    for module in (
        pages_frame, pages_handling, pages_alerts, pages_residents, pages_quiet, pages_rules, pages_shifts,
        pages_policies, pages_channels, pages_reports, pages_tests, pages_things, pages_accounts, pages_why,
    ):  # fmt: skip
        router.routes += module.router.routes
    if services.demo is not None:
        router.routes += pages_demo.router.routes
    router.routes += pages_frame.last.routes  # takes whatever is left, so it comes last
    return router
