<?php
/**
 * Checkouts of a shop on WooCommerce, with their cookies, as JSON on standard input; out comes each order's `meta_data`.
 *
 * Stands where WordPress and WooCommerce stand: add_action, do_action and an order's update_meta_data, as in
 * https://github.com/woocommerce/woocommerce (read 2026-11-26; includes/class-wc-checkout.php calls the first hook with the
 * order and what was posted, the block's checkout the second one with the order alone). In: [{"cookies", "hook", "meta": [[key, value], …]}, …].
 */
error_reporting(E_ALL);
set_error_handler(function ($severity, $message, $file, $line) {
    throw new ErrorException($message, 0, $severity, $file, $line);
});
define('ABSPATH', __DIR__ . '/');
$actions = [];

function add_action($hook, $callback, $priority = 10, $accepted = 1)
{
    $GLOBALS['actions'][$hook][] = [$callback, $accepted];
}

function do_action($hook, ...$given)
{
    foreach (isset($GLOBALS['actions'][$hook]) ? $GLOBALS['actions'][$hook] : [] as list($callback, $accepted)) {
        $callback(...array_slice($given, 0, $accepted));
    }
}

class WC_Order
{
    private $meta = [];

    /** Puts a value in the place of the key's, if it has one. */
    public function update_meta_data($key, $value, $id = 0)
    {
        $this->meta[$key] = ['id' => count($this->meta) + 1, 'key' => $key, 'value' => $value];
    }

    public function get_meta_data()
    {
        return array_values($this->meta);
    }
}

$asked = json_decode(file_get_contents('php://stdin'), true, 512, JSON_THROW_ON_ERROR);
require __DIR__ . '/../../integrations/woocommerce/consent-gateway-receipt.php';

$made = [];
foreach ($asked as $checkout) {
    $_COOKIE = $checkout['cookies'];
    $order = new WC_Order();
    foreach ($checkout['meta'] as list($key, $value)) {
        $order->update_meta_data($key, $value);
    }
    do_action($checkout['hook'], $order, ['billing_email' => 'jane@example.com']);
    $made[] = $order->get_meta_data();
}
echo json_encode($made, JSON_THROW_ON_ERROR);
