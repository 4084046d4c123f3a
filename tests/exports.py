"""Shops' exports of orders as their platforms write them: the columns in their order, made-up people."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

SHOPIFY_COLUMNS: Final = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    "Billing Name",
    "Billing Street",
    "Billing Address1",
    "Billing Address2",
    "Billing Company",
    "Billing City",
    "Billing Zip",
    "Billing Province",
    "Billing Country",
    "Billing Phone",
    "Shipping Name",
    "Shipping Street",
    "Shipping Address1",
    "Shipping Address2",
    "Shipping Company",
    "Shipping City",
    "Shipping Zip",
    "Shipping Province",
    "Shipping Country",
    "Shipping Phone",
    "Notes",
    "Note Attributes",
    "Cancelled at",
    "Payment Method",
    "Payment Reference",
    "Refunded Amount",
    "Vendor",
    "Outstanding Balance",
    "Employee",
    "Location",
    "Device ID",
    "Id",
    "Tags",
    "Risk Level",
    "Source",
    "Lineitem discount",
    "Tax 1 Name",
    "Tax 1 Value",
    "Tax 2 Name",
    "Tax 2 Value",
    "Tax 3 Name",
    "Tax 3 Value",
    "Tax 4 Name",
    "Tax 4 Value",
    "Tax 5 Name",
    "Tax 5 Value",
    "Phone",
    "Receipt Number",
    "Duties",
    "Billing Province Name",
    "Shipping Province Name",
    "Payment ID",
    "Payment Terms Name",
    "Next Payment Due At",
    "Payment References",
]

AS_IT_IS: Final[Mapping[str, str]] = MappingProxyType({})
EMAIL: Final = "jane.doe-3f81@example.com"
"""Whose orders they are; must be nowhere but in what is to be sent again."""


def csv_of(columns: Sequence[str], rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> str:
    """Write a file, its cells quoted where they must be."""
    return "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell or "\n" in cell else cell for cell in cells) + "\r\n"
        for cells in (columns, *([row.get(column, "") for column in columns] for row in rows))
    )


def shopify_order(
    order: int, total: str = "129.90", *, items: int = 1, changes: Mapping[str, str] = AS_IT_IS
) -> list[dict[str, str]]:
    """Give an order's lines: all of it in the first, only its name, address and line item in the others."""
    name = f"#{order % 10_000}"
    first = {
        "Name": name,
        "Email": EMAIL,
        "Financial Status": "paid",
        "Paid at": "2026-11-24 10:15:02 +0100",
        "Accepts Marketing": "yes",
        "Currency": "EUR",
        "Subtotal": total,
        "Total": total,
        "Created at": "2026-11-24 10:15:00 +0100",
        "Billing Country": "FR",
        "Notes": "please ring twice,\nthe bell is broken",
        "Id": str(order),
        "Source": "web",
    }
    line = {"Name": name, "Email": EMAIL, "Lineitem quantity": "1", "Lineitem name": "Mug, blue", "Lineitem price": "12.00"}
    return [{**line, **first, **changes}, *([line] * (items - 1))]


def shopify_export(*orders: list[dict[str, str]]) -> bytes:
    """Write a whole export of Shopify's."""
    return csv_of(SHOPIFY_COLUMNS, [line for order in orders for line in order]).encode()
