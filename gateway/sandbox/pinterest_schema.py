"""The shape of `events/create` in Pinterest's API for Conversions, object by object.

What is absent has no default here: `MISSING` is not null, and only the fields that may be null take null. The customer
is an open object, everything else is closed. The rule that somebody must be identified is not in the shape (the
published shape lost it in 5.28) but beside it, in `pinterest.py`.

https://github.com/pinterest/api-description, v5/openapi.yaml, ConversionEvents (read 2026-11-22)
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import MISSING, BaseModel, ConfigDict, Field

Text100: TypeAlias = Annotated[str, Field(max_length=100)]
Pixels: TypeAlias = Annotated[int, Field(ge=0, le=30_720)]
Megabytes: TypeAlias = Annotated[int, Field(ge=0, le=1_048_576)]
DecimalText: TypeAlias = Annotated[str, Field(pattern=r"^[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?$")]
"""A number as text. The platform reads it as a double."""


class Closed(BaseModel):
    """An object with `additionalProperties: false`."""

    model_config = ConfigDict(extra="forbid", strict=True)


class UserData(BaseModel):
    """The customer; an open object. The lists hold SHA-256 digests."""

    model_config = ConfigDict(extra="allow", strict=True)

    em: list[str] | MISSING = MISSING
    ph: list[str] | MISSING = MISSING
    fn: list[str] | MISSING = MISSING
    ln: list[str] | MISSING = MISSING
    db: list[str] | MISSING = MISSING
    ge: list[str] | MISSING = MISSING
    ct: list[str] | MISSING = MISSING
    st: list[str] | MISSING = MISSING
    zp: list[str] | MISSING = MISSING
    country: list[str] | MISSING = MISSING
    external_id: list[str] | MISSING = MISSING
    hashed_maids: list[str] | MISSING = MISSING
    client_ip_address: str | MISSING = MISSING
    client_user_agent: str | MISSING = MISSING
    click_id: str | None = None
    partner_id: str | None = None


class Content(Closed):
    """One item."""

    id: str | MISSING = MISSING
    item_price: DecimalText | MISSING = MISSING
    quantity: int | MISSING = MISSING
    item_name: str | MISSING = MISSING
    item_category: str | MISSING = MISSING
    item_brand: str | MISSING = MISSING
    item_brand_id: Annotated[str, Field(max_length=64)] | MISSING = MISSING


class CustomData(Closed):
    """Money and goods; amounts are texts."""

    currency: str | None = None
    value: DecimalText | None = None
    predicted_ltv: DecimalText | None = None
    content_ids: list[str] | MISSING = MISSING
    contents: list[Content] | MISSING = MISSING
    num_items: int | MISSING = MISSING
    order_id: str | None = None
    search_string: str | None = None
    content_name: str | None = None
    content_category: str | None = None
    content_brand: str | None = None
    np: str | None = None
    opt_out_type: str | None = None
    external_measurement_id: str | int | None = None
    external_measurement_vendor_id: str | int | None = None


class AppInfo(Closed):
    """The app, for app events."""

    app_name: Annotated[str, Field(max_length=200)] | MISSING = MISSING
    app_package_name: Annotated[str, Field(max_length=200)] | MISSING = MISSING
    app_id: Annotated[str, Field(max_length=200)] | MISSING = MISSING
    app_version: Text100 | MISSING = MISSING
    app_store: Text100 | MISSING = MISSING
    window_width: Pixels | MISSING = MISSING
    window_height: Pixels | MISSING = MISSING
    install_time: Annotated[int, Field(ge=0)] | MISSING = MISSING
    user_agent: Annotated[str, Field(max_length=16_384)] | MISSING = MISSING


class DeviceInfo(Closed):
    """The device, for app events."""

    brand: Text100 | MISSING = MISSING
    type: Text100 | MISSING = MISSING
    model: Text100 | MISSING = MISSING
    form_factor: Literal["desktop", "laptop", "cellphone", "tablet", "smartwatch", "tv", "vr", "console", "other"] | MISSING = (
        MISSING
    )
    os_family: Literal["ios", "android", "macos", "windows", "linux", "bsd", "other"] | MISSING = MISSING
    os_name: Text100 | MISSING = MISSING
    os_version: Text100 | MISSING = MISSING
    os_release_name: Text100 | MISSING = MISSING
    kernel_version: Text100 | MISSING = MISSING
    carrier: Text100 | MISSING = MISSING
    screen_width: Pixels | MISSING = MISSING
    screen_height: Pixels | MISSING = MISSING
    screen_density: Annotated[int, Field(ge=0, le=100_000)] | MISSING = MISSING
    cpu_cores: Annotated[int, Field(ge=0, le=1152)] | MISSING = MISSING
    storage_size: Megabytes | MISSING = MISSING
    storage_free_space: Megabytes | MISSING = MISSING
    external_storage_size: Megabytes | MISSING = MISSING
    external_storage_free_space: Megabytes | MISSING = MISSING
    locale: Annotated[str, Field(max_length=35)] | MISSING = MISSING
    languages: Annotated[list[str], Field(max_length=100)] | MISSING = MISSING
    timezone: Annotated[str, Field(max_length=40)] | MISSING = MISSING
    timezone_abbr: Annotated[str, Field(max_length=5)] | MISSING = MISSING
    network_type: (
        Literal["wifi", "cellular_2g", "cellular_3g", "cellular_4g", "cellular_5g", "cellular_6g", "ethernet", "unknown"]
        | MISSING
    ) = MISSING
    battery_level: Annotated[int, Field(ge=0, le=100)] | MISSING = MISSING


class Event(Closed):
    """One event."""

    event_name: str
    action_source: str
    event_time: int
    event_id: str
    user_data: UserData
    event_source_url: str | None = None
    opt_out: bool | MISSING = MISSING
    partner_name: str | None = None
    custom_data: CustomData | MISSING = MISSING
    app_id: str | None = None
    app_name: str | None = None
    app_version: str | None = None
    device_brand: str | None = None
    device_carrier: str | None = None
    device_model: str | None = None
    device_type: str | None = None
    os_version: str | None = None
    wifi: bool | MISSING = MISSING
    language: str | None = None
    app_info: AppInfo | MISSING = MISSING
    device_info: DeviceInfo | MISSING = MISSING


class Envelope(Closed):
    """The request."""

    data: Annotated[list[Event], Field(min_length=1, max_length=1000)]
