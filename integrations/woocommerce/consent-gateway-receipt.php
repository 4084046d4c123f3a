<?php
/**
 * Plugin Name: Consent gateway: receipt
 * Description: Hands the receipt of the visitor's consent record to the order. docs/woocommerce.md of the consent gateway explains it.
 * Version: 1.0.0
 */
defined( 'ABSPATH' ) || exit;

function consent_gateway_hand_on( $order ) {
	foreach ( array( 'consent_gateway_receipt', 'consent_gateway_client_id' ) as $name ) {
		$value = isset( $_COOKIE[ $name ] ) ? $_COOKIE[ $name ] : '';
		if ( is_string( $value ) && preg_match( '/^[A-Za-z0-9._-]{8,256}$/D', $value ) ) {
			$order->update_meta_data( '_' . $name, $value );
		}
	}
}
add_action( 'woocommerce_checkout_create_order', 'consent_gateway_hand_on' );              // the shortcode's checkout
add_action( 'woocommerce_store_api_checkout_update_order_meta', 'consent_gateway_hand_on' ); // the block's
