"""What the public pages show, each in a constant number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Min, Prefetch, Q, QuerySet

from services.models import Contraindication, Service, ServiceOption
from services.screening import Severity


@dataclass(frozen=True, slots=True)
class Reasons:
    """The contraindications of one severity, in the order in which they are asked."""

    severity: Severity
    contraindications: tuple[Contraindication, ...]


def menu() -> QuerySet[Service]:
    """Return the published treatments with category, offered lengths and ``from_price``."""
    return (
        Service.objects.published()
        .select_related("category")
        .prefetch_related(_offered_options())
        .annotate(from_price=Min("options__price", filter=Q(options__active=True)))
        .order_by("category__position", "category__name", "category", "position", "name")
    )


def first_of_other_categories(services: Sequence[Service]) -> list[Service]:
    """Return the first treatment of each category that ``services`` does not begin with."""
    first: dict[int, Service] = {}
    for service in services:
        first.setdefault(service.category_id, service)
    return list(first.values())[1:]


def services_for(user: User | AnonymousUser) -> QuerySet[Service]:
    """Return the treatments that ``user`` may know of, and nothing around them."""
    return Service.objects.all() if user.is_staff else Service.objects.published()


def visible_services(user: User | AnonymousUser) -> QuerySet[Service]:
    """Return the treatments whose page ``user`` may see: staff see drafts, too."""
    return (
        services_for(user)
        .select_related("category")
        .prefetch_related(
            _offered_options(),
            Prefetch("contraindications", Contraindication.objects.filter(active=True)),
            "faqs",
        )
    )


def reasons_by_severity(contraindications: Iterable[Contraindication]) -> list[Reasons]:
    """Group ``contraindications``, the strictest severity first."""
    asked = sorted(contraindications, key=order_of_asking)
    groups = (
        Reasons(severity, tuple(one for one in asked if one.severity == severity.value))
        for severity in Severity
    )
    return [group for group in groups if group.contraindications]


def _offered_options() -> "Prefetch[str, QuerySet[ServiceOption], str]":
    return Prefetch("options", ServiceOption.objects.filter(active=True))


def order_of_asking(contraindication: Contraindication) -> tuple[int, int, str]:
    """The key by which contraindications are sorted for the health check."""
    group = Contraindication.Group.values.index(contraindication.group)
    return group, contraindication.position, contraindication.slug
