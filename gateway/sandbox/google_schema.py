"""The shape of `events:ingest` in Google's Data Manager API, message by message.

Written after the published protocol buffers (package google-ads-datamanager 0.9.4, google.ads.datamanager.v1), in their
JSON form: names in camelCase or as in the protocol, null for absent, doubles as numbers or numeric texts, and no name
that the messages do not have. A test holds every model against the published descriptors.

https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest and
https://protobuf.dev/programming-guides/json/ (read 2026-11-22)
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from gateway.sandbox.ledger import exact


class Message(BaseModel):
    """A protocol buffer message in JSON."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


def _double(value: object) -> object:
    """Read a JSON number or a numeric text; anything else is left for the type check to refuse."""
    number = exact(value)
    return value if number is None else number


def _int64(value: object) -> object:
    """Read a JSON integer or its text."""
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() else value


Text = str | None
Double = Annotated[Decimal, BeforeValidator(_double)] | None
Int64 = Annotated[int, BeforeValidator(_int64)] | None
Int32 = Int64

AccountType = Literal[
    "ACCOUNT_TYPE_UNSPECIFIED",
    "GOOGLE_ADS",
    "DISPLAY_VIDEO_PARTNER",
    "DISPLAY_VIDEO_ADVERTISER",
    "DATA_PARTNER",
    "GOOGLE_ANALYTICS_PROPERTY",
    "GOOGLE_AD_MANAGER_AUDIENCE_LINK",
    "FLOODLIGHT_CONFIG",
    "GOOGLE_AD_MANAGER",
]
Product = Literal["PRODUCT_UNSPECIFIED", "GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER", "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER"]
ConsentStatus = Literal["CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED"]
EventSource = Literal["EVENT_SOURCE_UNSPECIFIED", "WEB", "APP", "IN_STORE", "PHONE", "OTHER", "MESSAGE"]
Encoding = Literal["ENCODING_UNSPECIFIED", "HEX", "BASE64"]
EncryptionEntityType = Literal[
    "ENCRYPTION_ENTITY_TYPE_UNSPECIFIED",
    "CAMPAIGN_MANAGER_ACCOUNT",
    "CAMPAIGN_MANAGER_ADVERTISER",
    "DISPLAY_VIDEO_PARTNER",
    "DISPLAY_VIDEO_ADVERTISER",
    "GOOGLE_ADS_CUSTOMER",
    "GOOGLE_AD_MANAGER_NETWORK_CODE",
]
EncryptionSource = Literal["ENCRYPTION_SOURCE_UNSPECIFIED", "AD_SERVING", "DATA_TRANSFER"]
CustomerType = Literal["CUSTOMER_TYPE_UNSPECIFIED", "NEW", "RETURNING", "REENGAGED"]
CustomerValueBucket = Literal["CUSTOMER_VALUE_BUCKET_UNSPECIFIED", "LOW", "MEDIUM", "HIGH"]
KeyType = Literal["KEY_TYPE_UNSPECIFIED", "XCHACHA20_POLY1305"]


class ProductAccount(Message):
    """An account."""

    product: Product | None = None
    account_id: Text = None
    account_type: AccountType | None = None


class Destination(Message):
    """Where events go: a conversion action of an account."""

    reference: Text = None
    login_account: ProductAccount | None = None
    linked_account: ProductAccount | None = None
    operating_account: ProductAccount | None = None
    product_destination_id: Text = None


class AddressInfo(Message):
    """A postal address; names hashed."""

    given_name: Text = None
    family_name: Text = None
    region_code: Text = None
    postal_code: Text = None
    address_line: Text = None
    city: Text = None
    administrative_area: Text = None


class UserIdentifier(Message):
    """One of e-mail, telephone or address."""

    email_address: Text = None
    phone_number: Text = None
    address: AddressInfo | None = None


class UserData(Message):
    """Who it was."""

    user_identifiers: list[UserIdentifier] | None = None


class Consent(Message):
    """Google's two permissions."""

    ad_user_data: ConsentStatus | None = None
    ad_personalization: ConsentStatus | None = None


class DeviceInfo(Message):
    """A device."""

    user_agent: Text = None
    ip_address: Text = None
    category: Text = None
    language_code: Text = None
    screen_height: Int32 = None
    screen_width: Int32 = None
    operating_system: Text = None
    operating_system_version: Text = None
    model: Text = None
    brand: Text = None
    browser: Text = None
    browser_version: Text = None


class EncryptedUserId(Message):
    """An encrypted id."""

    encrypted_id: Text = None
    entity_type: EncryptionEntityType | None = None
    entity_id: Int64 = None
    source: EncryptionSource | None = None


class AdIdentifiers(Message):
    """How the click is found."""

    session_attributes: Text = None
    gclid: Text = None
    gbraid: Text = None
    wbraid: Text = None
    landing_page_device_info: DeviceInfo | None = None
    mobile_device_id: Text = None
    dclid: Text = None
    impression_id: Text = None
    match_id: Text = None
    encrypted_user_ids: list[EncryptedUserId] | None = None
    ppid: Text = None
    visitor_ppid: Text = None


class ItemParameter(Message):
    """A parameter of an item."""

    parameter_name: Text = None
    value: Text = None


class ItemCustomVariable(Message):
    """A variable of an item."""

    variable: Text = None
    value: Text = None
    destination_references: list[str] | None = None


class Item(Message):
    """One item of a basket."""

    merchant_product_id: Text = None
    quantity: Int64 = None
    unit_price: Double = None
    item_id: Text = None
    additional_item_parameters: list[ItemParameter] | None = None
    merchant_id: Text = None
    merchant_feed_label: Text = None
    merchant_feed_language_code: Text = None
    conversion_value: Double = None
    custom_variables: list[ItemCustomVariable] | None = None


class CartData(Message):
    """A basket."""

    merchant_id: Text = None
    merchant_feed_label: Text = None
    merchant_feed_language_code: Text = None
    transaction_discount: Double = None
    items: list[Item] | None = None
    coupon_codes: list[str] | None = None


class CustomVariable(Message):
    """A variable of an event."""

    variable: Text = None
    value: Text = None
    destination_references: list[str] | None = None


class ExperimentalField(Message):
    """A field on trial."""

    field: Text = None
    value: Text = None


class UserProperty(Message):
    """A property of a user."""

    property_name: Text = None
    value: Text = None


class UserProperties(Message):
    """What the advertiser thinks of the user."""

    customer_type: CustomerType | None = None
    customer_value_bucket: CustomerValueBucket | None = None
    additional_user_properties: list[UserProperty] | None = None


class EventParameter(Message):
    """A parameter of an Analytics event."""

    parameter_name: Text = None
    value: Text = None


class EventLocation(Message):
    """Where it happened."""

    store_id: Text = None
    city: Text = None
    subdivision_code: Text = None
    region_code: Text = None
    subcontinent_code: Text = None
    continent_code: Text = None


class Event(Message):
    """One event."""

    destination_references: list[str] | None = None
    transaction_id: Text = None
    event_timestamp: Text = None
    last_updated_timestamp: Text = None
    user_data: UserData | None = None
    consent: Consent | None = None
    ad_identifiers: AdIdentifiers | None = None
    currency: Text = None
    conversion_value: Double = None
    conversion_count: Double = None
    event_source: EventSource | None = None
    event_device_info: DeviceInfo | None = None
    cart_data: CartData | None = None
    custom_variables: list[CustomVariable] | None = None
    experimental_fields: list[ExperimentalField] | None = None
    user_properties: UserProperties | None = None
    event_name: Text = None
    client_id: Text = None
    user_id: Text = None
    additional_event_parameters: list[EventParameter] | None = None
    third_party_user_data: UserData | None = None
    event_location: EventLocation | None = None
    app_instance_id: Text = None


class GcpWrappedKeyInfo(Message):
    """A key wrapped by Google's service."""

    key_type: KeyType | None = None
    wip_provider: Text = None
    kek_uri: Text = None
    encrypted_dek: Text = None


class AwsWrappedKeyInfo(Message):
    """A key wrapped by Amazon's service."""

    key_type: KeyType | None = None
    role_arn: Text = None
    kek_uri: Text = None
    encrypted_dek: Text = None


class CoordinatorKeyInfo(Message):
    """A key of a coordinator."""

    key_id: Text = None


class EncryptionInfo(Message):
    """How identifiers are encrypted."""

    gcp_wrapped_key_info: GcpWrappedKeyInfo | None = None
    aws_wrapped_key_info: AwsWrappedKeyInfo | None = None
    coordinator_key_info: CoordinatorKeyInfo | None = None


class IngestEventsRequest(Message):
    """The request."""

    destinations: list[Destination] | None = None
    events: list[Event] | None = None
    consent: Consent | None = None
    validate_only: bool | None = None
    encoding: Encoding | None = None
    encryption_info: EncryptionInfo | None = None
