"""Forms of the owners' pages, as a browser would send them."""

from typing import Any

from django.test import Client


def form_data(response: Any) -> dict[str, Any]:
    """Return what a browser would send back from an untouched admin form."""
    form = response.context["adminform"].form
    formsets = [one.formset for one in response.context["inline_admin_formsets"]]
    forms = [form, *(row for formset in formsets for row in formset)]
    managed = [formset.management_form for formset in formsets]
    data = {}
    for one in [*forms, *managed]:
        for name in one.fields:
            value = one[name].value()
            if value is not None and value is not False:
                data[one.add_prefix(name)] = _as_sent(value)
    for name in [key for key in data if key.endswith("photo")]:
        del data[name]
    if "rooms" in data:
        data["initial-rooms"] = data["rooms"]
    return data


def _as_sent(value: Any) -> Any:
    if isinstance(value, list):
        return [getattr(one, "pk", one) for one in value]
    return getattr(value, "pk", value)


def edit(client: Client, address: str, /, **changes: Any) -> Any:
    """Send an untouched form back with some ``changes``, as the button for clients does."""
    data = opened(client, address)
    data = {"_live": "1", **data, **changes}
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def opened(client: Client, address: str) -> dict[str, Any]:
    """Open a form; return what its untouched fields would send."""
    return form_data(client.get(address))


def address_of(row: Any) -> str:
    """Return where the form of ``row`` is."""
    return f"/admin/services/{row._meta.model_name}/{row.pk}/change/"
