<?php
/**
 * One request to a shop on PrestaShop: who comes with which cookies, and what the shop then does, as JSON on standard input.
 *
 * In goes {"socket", "database", "cookies", "employee", "tells_old", "steps": [[name, …], …]}; out comes
 * {"results": [what each step gave, …], "log": [the shop's log, …], "kept": {table: rows} of the module's own tables}.
 * An order is made, and its state changed, in the order in which PrestaShop's PaymentModule::validateOrder and
 * OrderHistory::changeIdOrderState do it; `tells_old` is whether the hook is told the state before, as from PrestaShop 8 on.
 */
require __DIR__ . '/framework.php';
$asked = json_decode(file_get_contents('php://stdin'), true, 512, JSON_THROW_ON_ERROR);
date_default_timezone_set('Europe/Paris'); // as PrestaShop does with its setting PS_TIMEZONE
Db::open($asked['socket'], $asked['database']);
$_COOKIE = $asked['cookies'];
require __DIR__ . '/../../integrations/prestashop/consentgateway/consentgateway.php';

class Desk
{
    private $module;
    private $tellsOld;

    public function __construct(array $asked)
    {
        Context::getContext()->employee = $asked['employee'] ? new Employee($asked['employee']) : null;
        $this->module = new ConsentGateway();
        $this->tellsOld = $asked['tells_old'];
    }

    /** Makes the shop's tables. */
    public function open($script)
    {
        foreach (array_filter(array_map('trim', explode(";\n", $script))) as $statement) {
            Db::getInstance()->execute($statement);
        }
    }

    /** Forgets all that was sold, said and set, and nothing that a shop is made of. */
    public function clear()
    {
        $own = ['consent_gateway', 'consent_gateway_pending'];
        foreach (array_merge($own, ['cart', 'customer', 'orders', 'order_detail', 'log']) as $table) {
            Db::getInstance()->execute('DELETE FROM `ps_' . $table . '`');
        }
        Configuration::deleteByName(ConsentGateway::URL);
        Configuration::deleteByName(ConsentGateway::SECRET);
    }

    public function install()
    {
        return $this->module->install();
    }

    public function uninstall()
    {
        return $this->module->uninstall();
    }

    public function submit(array $fields)
    {
        $_POST = $fields + ['submitConsentGateway' => '1'];
        return $this->module->getContent();
    }

    public function show()
    {
        $_POST = [];
        return $this->module->getContent();
    }

    /** Sets what the settings' page would not take. */
    public function set($name, $value)
    {
        return Configuration::updateValue($name, $value);
    }

    public function run($statement)
    {
        return Db::getInstance()->execute($statement);
    }

    /** Lets another visitor come. */
    public function come(array $cookies)
    {
        $_COOKIE = $cookies;
    }

    public function save_cart($id)
    {
        Db::getInstance()->execute('INSERT IGNORE INTO `ps_cart` VALUES (' . (int) $id . ')');
        $this->hook('actionCartSave', ['cart' => new Cart($id)]);
    }

    public function validate(array $order, array $customer, array $products, $state)
    {
        $db = Db::getInstance();
        $db->execute('INSERT IGNORE INTO `ps_cart` VALUES (' . (int) $order['id_cart'] . ')');
        $db->insert('customer', $customer);
        $db->insert('orders', $order + ['date_add' => date('Y-m-d H:i:s')]);
        foreach ($products as $product) {
            $db->insert('order_detail', $product + ['id_order' => $order['id_order']]);
        }
        $made = ['cart' => new Cart($order['id_cart']), 'order' => new Order($order['id_order'])];
        $made += ['customer' => new Customer($customer['id_customer']), 'currency' => new Currency($order['id_currency'])];
        $this->hook('actionValidateOrder', $made + ['orderStatus' => new OrderState($state)]);
        $this->change($order['id_order'], $state);
    }

    public function change($id, $state)
    {
        $old = (new Order($id))->getCurrentOrderState();
        Db::getInstance()->execute('UPDATE `ps_orders` SET `current_state` = ' . (int) $state . ' WHERE `id_order` = ' . (int) $id);
        $changed = ['newOrderStatus' => new OrderState($state), 'id_order' => (int) $id];
        $this->hook('actionOrderStatusPostUpdate', $changed + ($this->tellsOld ? ['oldOrderStatus' => $old] : []));
    }

    public function cron()
    {
        $this->hook('actionCronJob', []);
        return $this->module->getCronFrequency();
    }

    /** Calls the module where it is registered; every hook is given the context's cart where it has none. */
    private function hook($name, array $given)
    {
        if (Db::getInstance()->getValue('SELECT COUNT(*) FROM `ps_hook_module` WHERE `name` = \'' . pSQL($name) . '\'')) {
            $this->module->{'hook' . ucfirst($name)}($given + ['cart' => Context::getContext()->cart]);
        }
    }
}

$desk = new Desk($asked);
$results = [];
foreach ($asked['steps'] as $step) {
    $results[] = $desk->{array_shift($step)}(...$step);
}
$kept = [];
foreach (Db::getInstance()->executeS('SHOW TABLES LIKE \'ps\\_consent\\_gateway%\'') as $row) {
    $kept[current($row)] = Db::getInstance()->executeS('SELECT * FROM `' . current($row) . '`');
}
$log = Db::getInstance()->executeS('SELECT `message`, `severity`, `object_type`, `object_id` FROM `ps_log` ORDER BY `id_log`');
echo json_encode(['results' => $results, 'log' => $log, 'kept' => (object) $kept], JSON_THROW_ON_ERROR);
