"""A consent gateway: storefront events in, only what consent allows out, every decision explained."""
