<?php
/**
 * Tells the consent gateway of orders, and hands them the receipt of the visitor's consent record. docs/prestashop.md explains it.
 *
 * A page keeps the receipt in the cookie `consent_gateway_receipt` once its visitor has decided. The payment provider's server, not
 * the visitor's browser, may be what makes the order, so the receipt is noted for the cart while the browser is still there.
 * What is posted holds no name, no street, no telephone number. Nothing personal is kept for a later try: the order is read anew.
 * What a cart's visitor said, and which orders are still to be told, are two tables: PrestaShop makes several orders of one cart.
 */
if (!defined('_PS_VERSION_')) {
    exit;
}

class ConsentGateway extends Module
{
    const URL = 'CONSENT_GATEWAY_URL';
    const SECRET = 'CONSENT_GATEWAY_SECRET';
    const COOKIES = ['receipt' => 'consent_gateway_receipt', 'client_id' => 'consent_gateway_client_id'];
    const HOOKS = ['actionCartSave', 'actionValidateOrder', 'actionOrderStatusPostUpdate', 'actionCronJob'];
    const SECRET_FORM = '/^[A-Za-z0-9+\/=_.-]{32,}$/D'; // PrestaShop takes out of a setting what looks like a tag
    const SECONDS = 3; // the visitor waits for it
    const SECONDS_MORE = 1; // after which no more of what waits is begun while a visitor does
    const TRIES_AT_ONCE = 5;

    public function __construct()
    {
        $this->name = 'consentgateway';
        $this->tab = 'advertising_marketing';
        $this->version = '1.0.0';
        $this->author = 'consent-gateway';
        $this->need_instance = 0;
        $this->bootstrap = true;
        $this->ps_versions_compliancy = ['min' => '1.7.6.0', 'max' => '9.99.99'];
        parent::__construct();
        $this->displayName = 'Consent gateway';
        $this->description = 'Tells the consent gateway of orders. Nothing goes on without the visitor\'s consent.';
    }

    public function install()
    {
        $carts = 'CREATE TABLE IF NOT EXISTS ' . $this->carts() . ' (
            `id_cart` INT UNSIGNED NOT NULL PRIMARY KEY,
            `receipt` VARCHAR(64) NULL,
            `client_id` VARCHAR(256) NULL,
            `by_employee` TINYINT(1) NOT NULL DEFAULT 0,
            `touched` DATETIME NOT NULL,
            KEY (`touched`)) ENGINE=' . _MYSQL_ENGINE_ . ' DEFAULT CHARSET=utf8mb4';
        $pending = 'CREATE TABLE IF NOT EXISTS ' . $this->pending() . ' (
            `id_order` INT UNSIGNED NOT NULL PRIMARY KEY,
            `changes` INT UNSIGNED NOT NULL DEFAULT 1,
            `tries` INT UNSIGNED NOT NULL DEFAULT 0,
            `touched` DATETIME NOT NULL,
            KEY (`tries`), KEY (`touched`)) ENGINE=' . _MYSQL_ENGINE_ . ' DEFAULT CHARSET=utf8mb4';
        $db = Db::getInstance();
        return parent::install() && $db->execute($carts) && $db->execute($pending) && $this->registerHook(self::HOOKS);
    }

    public function uninstall()
    {
        Configuration::deleteByName(self::URL);
        Configuration::deleteByName(self::SECRET);
        Db::getInstance()->execute('DROP TABLE IF EXISTS ' . $this->carts());
        Db::getInstance()->execute('DROP TABLE IF EXISTS ' . $this->pending());
        return parent::uninstall();
    }

    private function carts()
    {
        return '`' . _DB_PREFIX_ . 'consent_gateway`';
    }

    private function pending()
    {
        return '`' . _DB_PREFIX_ . 'consent_gateway_pending`';
    }

    // ── what the visitor's browser knows ─────────────────────────────────────────────────────────────────────────

    public function hookActionCartSave($params)
    {
        $cart = isset($params['cart']) ? $params['cart'] : $this->context->cart;
        if (Validate::isLoadedObject($cart) && !$this->employee()) {
            $this->note((int) $cart->id, $this->cookies());
        }
    }

    public function hookActionValidateOrder($params)
    {
        $order = $params['order'];
        $this->note((int) $order->id_cart, $this->employee() ? ['by_employee' => 1] : $this->cookies());
    }

    /** Gives those cookies that are of their form; anybody can send any cookie. */
    private function cookies()
    {
        $found = [];
        foreach (self::COOKIES as $field => $cookie) {
            $value = isset($_COOKIE[$cookie]) ? $_COOKIE[$cookie] : '';
            $longest = $field === 'receipt' ? 64 : 256;
            if (is_string($value) && preg_match('/^[A-Za-z0-9._-]{8,' . $longest . '}$/D', $value)) {
                $found[$field] = $value;
            }
        }
        return $found;
    }

    private function employee()
    {
        return isset($this->context->employee) && Validate::isLoadedObject($this->context->employee);
    }

    // ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    /**
     * Tells of an order when it is made, when it begins to count as paid, and when it is taken back.
     * PrestaShop 1.7 does not hand over the state before; then every change is told. An order counts once however often it is told.
     */
    public function hookActionOrderStatusPostUpdate($params)
    {
        $id = (int) $params['id_order'];
        $new = $params['newOrderStatus'];
        $old = isset($params['oldOrderStatus']) ? $params['oldOrderStatus'] : null;
        $first = !Validate::isLoadedObject($old);
        if (!$id || !($first || (bool) $new->paid !== (bool) $old->paid || $this->revoked($new->id))) {
            return;
        }
        Db::getInstance()->execute('INSERT INTO ' . $this->pending() . ' (`id_order`, `touched`) VALUES (' . $id
            . ', NOW()) ON DUPLICATE KEY UPDATE `changes` = `changes` + 1, `tries` = 0, `touched` = NOW()');
        if ($this->tell($id) === 200) {
            $this->tellAgain(self::SECONDS_MORE); // the gateway is there
        }
    }

    /** Tries again what could not be told; other modules call this hook at intervals. */
    public function hookActionCronJob()
    {
        $this->tellAgain(self::TRIES_AT_ONCE * self::SECONDS);
    }

    public function getCronFrequency()
    {
        return ['hour' => -1, 'day' => -1, 'month' => -1, 'day_of_week' => -1];
    }

    /**
     * Tells of an order as it is now. Gives the answer's status: 0 where nobody answered.
     * It waits no more once that was taken, unless it changed meanwhile: then another request has counted that, and it is told again.
     */
    private function tell($id)
    {
        $db = Db::getInstance();
        $where = ' WHERE `id_order` = ' . (int) $id;
        $changes = (int) $db->getValue('SELECT `changes` FROM ' . $this->pending() . $where, false);
        $order = new Order((int) $id);
        if (!Validate::isLoadedObject($order)) {
            $db->execute('DELETE FROM ' . $this->pending() . $where);
            return 200; // there is nothing to tell
        }
        $status = $this->post($order, $this->said($order, new OrderState((int) $order->current_state)));
        if ($status === 200) {
            $db->execute('DELETE FROM ' . $this->pending() . $where . ' AND `changes` = ' . $changes);
        } else {
            $db->execute('UPDATE ' . $this->pending() . ' SET `tries` = `tries` + 1' . $where);
        }
        return $status;
    }

    /** Tells some of what waits, least tried first: an order that the gateway does not take keeps no other back. */
    private function tellAgain($seconds)
    {
        $until = microtime(true) + $seconds;
        $db = Db::getInstance();
        foreach ([$this->carts(), $this->pending()] as $table) {
            $db->execute('DELETE FROM ' . $table . ' WHERE `touched` < DATE_SUB(NOW(), INTERVAL 30 DAY)');
        }
        $query = 'SELECT `id_order` FROM ' . $this->pending() . ' ORDER BY `tries`, `id_order` LIMIT ' . self::TRIES_AT_ONCE;
        foreach ($db->executeS($query, true, false) ?: [] as $row) {
            $status = $this->tell((int) $row['id_order']);
            if ($status === 0 || $status === 429 || $status >= 500 || microtime(true) > $until) {
                return; // it is away, or busy, or somebody has waited enough
            }
        }
    }

    /** What is told of an order, and nothing else. Money is text, so that no binary fraction changes it. */
    private function said($order, $state)
    {
        $known = $this->noted((int) $order->id_cart);
        $customer = new Customer((int) $order->id_customer);
        $currency = new Currency((int) $order->id_currency);
        $products = [];
        foreach ($order->getProductsDetail() as $row) {
            $combination = (int) $row['product_attribute_id'];
            $products[] = (int) $row['product_id'] . ($combination ? '-' . $combination : '');
        }
        return [
            'id' => (int) $order->id,
            'reference' => (string) $order->reference,
            'made_at' => date(DATE_ATOM, strtotime($order->date_add)),
            'paid' => (bool) $state->paid,
            'revoked' => $this->revoked($state->id),
            'by_employee' => (bool) $known['by_employee'],
            'total' => number_format((float) $order->total_paid_tax_incl, 6, '.', ''),
            'currency' => (string) $currency->iso_code,
            'email' => (string) $customer->email,
            'addresses' => [$this->place($order->id_address_delivery), $this->place($order->id_address_invoice)],
            'products' => $products,
            'receipt' => $known['receipt'],
            'client_id' => $known['client_id'],
            'shop_url' => $this->shopUrl($order),
        ];
    }

    private function revoked($state)
    {
        $taken = [Configuration::get('PS_OS_CANCELED'), Configuration::get('PS_OS_REFUND')];
        return in_array((int) $state, array_map('intval', $taken), true);
    }

    private function place($id)
    {
        $address = new Address((int) $id);
        $state = new State((int) $address->id_state);
        $country = Country::getIsoById((int) $address->id_country);
        return ['country' => $country ? (string) $country : null, 'region' => $state->iso_code ? (string) $state->iso_code : null];
    }

    private function shopUrl($order)
    {
        $shop = new Shop((int) $order->id_shop);
        return 'https://' . $shop->domain_ssl;
    }

    /** Posts what is said, signed: base64 of the HMAC-SHA256 of its bytes. Gives the answer's status: 0 where nobody answered. */
    private function post($order, array $said)
    {
        $url = Configuration::get(self::URL);
        $secret = Configuration::get(self::SECRET);
        if (!$url || !$secret) {
            return 0;
        }
        $body = json_encode($said, JSON_PARTIAL_OUTPUT_ON_ERROR); // what is no text becomes null
        $request = curl_init($url);
        curl_setopt_array($request, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTPS,
            CURLOPT_TIMEOUT => self::SECONDS,
            CURLOPT_HTTPHEADER => [
                'Content-Type: application/json',
                'Expect:',
                'X-Consent-Gateway-Shop: ' . $said['shop_url'],
                'X-Consent-Gateway-Topic: order',
                'X-Consent-Gateway-Signature: ' . base64_encode(hash_hmac('sha256', $body, $secret, true)),
            ],
        ]);
        curl_exec($request);
        $status = (int) curl_getinfo($request, CURLINFO_HTTP_CODE);
        if ($status !== 200) { // PrestaShop writes the same line once, so it names the order
            PrestaShopLogger::addLog('Consent gateway: answered ' . $status . '; it is tried again', 2, null, 'Order', (int) $order->id);
        }
        return $status;
    }

    // ── what is noted of a cart ──────────────────────────────────────────────────────────────────────────────────

    private function note($cart, array $fields)
    {
        if (!$fields) {
            return;
        }
        $columns = ['`id_cart`' => (int) $cart, '`touched`' => 'NOW()'];
        foreach ($fields as $name => $value) {
            $columns['`' . bqSQL($name) . '`'] = is_int($value) ? $value : '\'' . pSQL($value) . '\'';
        }
        $changes = array_map(function ($column) {
            return $column . ' = VALUES(' . $column . ')';
        }, array_keys($columns));
        Db::getInstance()->execute('INSERT INTO ' . $this->carts() . ' (' . implode(', ', array_keys($columns))
            . ') VALUES (' . implode(', ', $columns) . ') ON DUPLICATE KEY UPDATE ' . implode(', ', $changes));
    }

    private function noted($cart)
    {
        $row = Db::getInstance()->getRow('SELECT `receipt`, `client_id`, `by_employee` FROM ' . $this->carts()
            . ' WHERE `id_cart` = ' . (int) $cart, false);
        return $row ?: ['receipt' => null, 'client_id' => null, 'by_employee' => 0];
    }

    // ── its settings ─────────────────────────────────────────────────────────────────────────────────────────────

    public function getContent()
    {
        $told = '';
        if (Tools::isSubmit('submitConsentGateway')) {
            $url = trim((string) Tools::getValue(self::URL));
            $secret = trim((string) Tools::getValue(self::SECRET));
            $has_secret = preg_match(self::SECRET_FORM, $secret) || ($secret === '' && Configuration::get(self::SECRET));
            if (strpos($url, 'https://') !== 0 || !$has_secret) {
                $told = $this->displayError('The address must begin with https://, and the secret have 32 letters and digits at least.');
            } else {
                Configuration::updateValue(self::URL, $url);
                if ($secret !== '') {
                    Configuration::updateValue(self::SECRET, $secret);
                }
                $told = $this->displayConfirmation('Kept.');
            }
        }
        return $told . $this->form();
    }

    private function form()
    {
        $helper = new HelperForm();
        $helper->module = $this;
        $helper->name_controller = $this->name;
        $helper->token = Tools::getAdminTokenLite('AdminModules');
        $helper->currentIndex = AdminController::$currentIndex . '&configure=' . $this->name;
        $helper->submit_action = 'submitConsentGateway';
        $helper->fields_value = [self::URL => Configuration::get(self::URL), self::SECRET => ''];
        $address = ['type' => 'text', 'label' => 'Address', 'name' => self::URL, 'desc' => 'https://…/v1/prestashop/webhooks'];
        $secret = ['type' => 'password', 'label' => 'Secret', 'name' => self::SECRET, 'desc' => 'Left empty it stays as it is.'];
        return $helper->generateForm([['form' => [
            'legend' => ['title' => $this->displayName],
            'input' => [$address, $secret],
            'submit' => ['title' => 'Save'],
        ]]]);
    }
}
