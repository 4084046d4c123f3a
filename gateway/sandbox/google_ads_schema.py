"""The shape of `uploadClickConversions` in the Google Ads API, message by message.

Written after the published protocol buffers (package google-ads 34.0.0, google.ads.googleads.v26; the same in v23 to v26),
in their JSON form. A test holds every model against the published descriptors.

https://developers.google.com/google-ads/api/reference/rpc/v26/UploadClickConversionsRequest and
https://protobuf.dev/programming-guides/json/ (read 2026-11-22)
"""

from typing import Literal

from gateway.sandbox.google_schema import Double, Int32, Int64, Message, Text

ConsentStatus = Literal["UNSPECIFIED", "UNKNOWN", "GRANTED", "DENIED"]
ConversionEnvironment = Literal["UNSPECIFIED", "UNKNOWN", "APP", "WEB"]
ConversionCustomerType = Literal["UNSPECIFIED", "UNKNOWN", "NEW", "RETURNING"]
UserIdentifierSource = Literal["UNSPECIFIED", "UNKNOWN", "FIRST_PARTY", "THIRD_PARTY"]


class ExternalAttributionData(Message):
    """What another system attributed."""

    external_attribution_credit: Double = None
    external_attribution_model: Text = None


class CustomVariable(Message):
    """A variable of a conversion."""

    conversion_custom_variable: Text = None
    value: Text = None


class Item(Message):
    """One item of a basket."""

    product_id: Text = None
    quantity: Int32 = None
    unit_price: Double = None


class CartData(Message):
    """A basket."""

    merchant_id: Int64 = None
    feed_country_code: Text = None
    feed_language_code: Text = None
    local_transaction_cost: Double = None
    items: list[Item] | None = None


class OfflineUserAddressInfo(Message):
    """A postal address; names and street hashed."""

    hashed_first_name: Text = None
    hashed_last_name: Text = None
    city: Text = None
    state: Text = None
    country_code: Text = None
    postal_code: Text = None
    hashed_street_address: Text = None


class UserIdentifier(Message):
    """One of several ways to know a person."""

    user_identifier_source: UserIdentifierSource | None = None
    hashed_email: Text = None
    hashed_phone_number: Text = None
    mobile_id: Text = None
    third_party_user_id: Text = None
    address_info: OfflineUserAddressInfo | None = None


class Consent(Message):
    """Google's two permissions."""

    ad_user_data: ConsentStatus | None = None
    ad_personalization: ConsentStatus | None = None


class SessionAttributeKeyValuePair(Message):
    """An attribute of a session."""

    session_attribute_key: Text = None
    session_attribute_value: Text = None


class SessionAttributesKeyValuePairs(Message):
    """The attributes of a session."""

    key_value_pairs: list[SessionAttributeKeyValuePair] | None = None


class ClickConversion(Message):
    """One row."""

    gclid: Text = None
    gbraid: Text = None
    wbraid: Text = None
    conversion_action: Text = None
    conversion_date_time: Text = None
    conversion_value: Double = None
    currency_code: Text = None
    order_id: Text = None
    external_attribution_data: ExternalAttributionData | None = None
    custom_variables: list[CustomVariable] | None = None
    cart_data: CartData | None = None
    user_identifiers: list[UserIdentifier] | None = None
    conversion_environment: ConversionEnvironment | None = None
    consent: Consent | None = None
    customer_type: ConversionCustomerType | None = None
    user_ip_address: Text = None
    session_attributes_encoded: Text = None
    session_attributes_key_value_pairs: SessionAttributesKeyValuePairs | None = None


class UploadClickConversionsRequest(Message):
    """The request."""

    customer_id: Text = None
    conversions: list[ClickConversion] | None = None
    partial_failure: bool | None = None
    validate_only: bool | None = None
    job_id: Int32 = None
