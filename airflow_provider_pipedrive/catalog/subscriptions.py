"""Subscriptions: removed by Pipedrive, kept so that old DAGs hear what replaces them."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, put
from airflow_provider_pipedrive.catalog.scopes import DEALS_FULL

_BILLING_FIELDS = "getDealProducts (billing_* fields) and getInstallments"
_REMOVAL = (
    "https://developers.pipedrive.com/changelog/post/removal-of-subscriptions-api-replaced-by-product-subscriptions-api"
)
ACTIONS = (
    action(
        "cancelRecurringSubscription",
        "Cancel a recurring subscription",
        put("/v1/subscriptions/recurring/{id}/cancel", DEALS_FULL, tokens=0),
        lifecycle="removed",
        since="2025-06-27",
        successor="updateDealProduct (billing_frequency, billing_frequency_cycles, billing_start_date) "
        "or deleteDealProduct",
        source=_REMOVAL,
    ),
    action(
        "deleteSubscription",
        "Delete a subscription",
        delete("/v1/subscriptions/{id}", DEALS_FULL, tokens=0),
        lifecycle="removed",
        since="2025-06-27",
        successor="deleteInstallment, or deleteDealProduct for a recurring one",
        source=_REMOVAL,
    ),
    action(
        "findSubscriptionByDeal",
        "Find the subscription of a deal",
        get("/v1/subscriptions/find/{dealId}", DEALS_FULL, tokens=0),
        lifecycle="removed",
        since="2025-06-27",
        successor=_BILLING_FIELDS,
        source=_REMOVAL,
    ),
    action(
        "getSubscription",
        "Get a subscription",
        get("/v1/subscriptions/{id}", DEALS_FULL, tokens=0),
        lifecycle="removed",
        since="2025-06-27",
        successor=_BILLING_FIELDS,
        source=_REMOVAL,
    ),
    action(
        "getSubscriptionPayments",
        "List the payments of a subscription",
        get("/v1/subscriptions/{id}/payments", DEALS_FULL, tokens=0),
        lifecycle="removed",
        since="2025-06-27",
        successor="getInstallments",
        source=_REMOVAL,
    ),
)
