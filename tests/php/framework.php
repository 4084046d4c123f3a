<?php
/**
 * Stands where PrestaShop stands: what our module calls of it and nothing more, over a real database with PrestaShop's own columns.
 *
 * Shapes and manners are those of https://github.com/PrestaShop/PrestaShop (read 2026-11-26): classes/db/Db.php and DbPDO.php,
 * config/alias.php, classes/module/Module.php, Configuration.php, Validate.php, PrestaShopLogger.php, order/Order.php,
 * helper/Helper.php and HelperForm.php, and src/Adapter/EntityMapper.php for how an object is filled from its row.
 * Only declared properties are there, so that one which PrestaShop does not have is a deprecation, and a deprecation is a failure.
 */
error_reporting(E_ALL);
set_error_handler(function ($severity, $message, $file, $line) {
    throw new ErrorException($message, 0, $severity, $file, $line);
});
define('_PS_VERSION_', '8.2.0');
define('_DB_PREFIX_', 'ps_');
define('_MYSQL_ENGINE_', 'InnoDB');

class Db
{
    private static $instance;
    private $link;

    public static function open($socket, $database)
    {
        self::$instance = new Db();
        $options = [PDO::MYSQL_ATTR_INIT_COMMAND => 'SET NAMES utf8mb4'];
        $link = new PDO('mysql:unix_socket=' . $socket . ';charset=utf8mb4', 'shop', '', $options);
        $link->exec('CREATE DATABASE IF NOT EXISTS `' . $database . '`');
        $link->exec('USE `' . $database . '`');
        $link->exec('SET SESSION sql_mode = \'\'');
        self::$instance->link = $link;
    }

    public static function getInstance($master = true)
    {
        return self::$instance;
    }

    public function execute($sql, $use_cache = true)
    {
        return (bool) $this->link->query($sql);
    }

    public function executeS($sql, $array = true, $use_cache = true)
    {
        if (!preg_match('#^\s*\(?\s*(select|show|explain|describe|desc|checksum)\s#i', $sql)) {
            throw new Exception('Db->executeS() must be used only with select, show, explain or describe queries');
        }
        return $this->link->query($sql)->fetchAll(PDO::FETCH_ASSOC);
    }

    public function getRow($sql, $use_cache = true)
    {
        return $this->link->query($sql . ' LIMIT 1')->fetch(PDO::FETCH_ASSOC);
    }

    public function getValue($sql, $use_cache = true)
    {
        $row = $this->getRow($sql, $use_cache);
        return $row ? array_shift($row) : false;
    }

    public function insert($table, array $row)
    {
        $quoted = array_map(function ($value) {
            return $value === null ? 'NULL' : '\'' . $this->escape((string) $value, true) . '\'';
        }, $row);
        $columns = '`' . implode('`, `', array_keys($row)) . '`';
        return $this->execute('INSERT INTO `' . _DB_PREFIX_ . $table . '` (' . $columns . ') VALUES (' . implode(', ', $quoted) . ')');
    }

    public function escape($string, $html_ok = false)
    {
        if (is_numeric($string)) {
            return $string;
        }
        $special = ['\\' => '\\\\', "\0" => '\\0', "\n" => '\\n', "\r" => '\\r', "\x1a" => '\\Z', '\'' => '\\\'', '"' => '\\"'];
        $string = strtr($string, $special);
        return $html_ok ? $string : strip_tags($string);
    }
}

function pSQL($string, $html_ok = false)
{
    return Db::getInstance()->escape($string, $html_ok);
}

function bqSQL($string)
{
    return str_replace('`', '\`', pSQL($string));
}

/** What has an id and a row; it is loaded when the row is there. */
abstract class ObjectModel
{
    const TABLE = '';
    const PRIMARY = '';
    const BOOLEANS = [];

    public $id;

    public function __construct($id = null)
    {
        $table = '`' . _DB_PREFIX_ . static::TABLE . '`';
        $row = $id ? Db::getInstance()->getRow('SELECT * FROM ' . $table . ' WHERE `' . static::PRIMARY . '` = ' . (int) $id) : false;
        foreach ($row ?: [] as $name => $value) {
            if (property_exists($this, $name)) {
                $this->{$name} = in_array($name, static::BOOLEANS, true) ? strval($value) : $value;
            }
        }
        $this->id = $row ? (int) $id : null;
    }
}

class Cart extends ObjectModel
{
    const TABLE = 'cart';
    const PRIMARY = 'id_cart';
}

class Employee extends ObjectModel
{
    const TABLE = 'employee';
    const PRIMARY = 'id_employee';
}

class Order extends ObjectModel
{
    const TABLE = 'orders';
    const PRIMARY = 'id_order';

    public $id_cart;
    public $id_shop;
    public $id_customer;
    public $id_currency;
    public $id_address_delivery;
    public $id_address_invoice;
    public $current_state;
    public $secure_key;
    public $reference;
    public $total_paid;
    public $total_paid_tax_incl;
    public $date_add;

    public function getProductsDetail()
    {
        return Db::getInstance()->executeS('SELECT * FROM `' . _DB_PREFIX_ . 'order_detail` WHERE `id_order` = ' . (int) $this->id);
    }

    public function getCurrentOrderState()
    {
        return $this->current_state ? new OrderState($this->current_state) : null;
    }
}

class OrderState extends ObjectModel
{
    const TABLE = 'order_state';
    const PRIMARY = 'id_order_state';
    const BOOLEANS = ['paid'];

    public $paid;
}

class Customer extends ObjectModel
{
    const TABLE = 'customer';
    const PRIMARY = 'id_customer';

    public $email;
    public $firstname;
    public $lastname;
}

class Currency extends ObjectModel
{
    const TABLE = 'currency';
    const PRIMARY = 'id_currency';

    public $iso_code = '';
}

class Address extends ObjectModel
{
    const TABLE = 'address';
    const PRIMARY = 'id_address';

    public $id_country;
    public $id_state;
    public $address1;
    public $phone;
}

class State extends ObjectModel
{
    const TABLE = 'state';
    const PRIMARY = 'id_state';

    public $iso_code;
}

class Country extends ObjectModel
{
    const TABLE = 'country';
    const PRIMARY = 'id_country';

    public static function getIsoById($id)
    {
        return Db::getInstance()->getValue('SELECT `iso_code` FROM `' . _DB_PREFIX_ . 'country` WHERE `id_country` = ' . (int) $id);
    }
}

class Shop extends ObjectModel
{
    const TABLE = 'shop_url';
    const PRIMARY = 'id_shop';

    public $domain;
    public $domain_ssl;
}

class Configuration
{
    public static function get($key)
    {
        $query = 'SELECT `value` FROM `' . _DB_PREFIX_ . 'configuration` WHERE `name` = \'' . pSQL($key) . '\'';
        return Db::getInstance()->getValue($query);
    }

    public static function updateValue($key, $value)
    {
        self::deleteByName($key);
        return Db::getInstance()->execute('INSERT INTO `' . _DB_PREFIX_ . 'configuration` (`name`, `value`) VALUES (\'' . pSQL($key)
            . '\', \'' . pSQL($value) . '\')');
    }

    public static function deleteByName($key)
    {
        return Db::getInstance()->execute('DELETE FROM `' . _DB_PREFIX_ . 'configuration` WHERE `name` = \'' . pSQL($key) . '\'');
    }
}

class Validate
{
    public static function isLoadedObject($object)
    {
        return is_object($object) && $object->id;
    }
}

class Context
{
    public $cart;
    public $employee;

    private static $instance;

    public static function getContext()
    {
        return self::$instance = self::$instance ?: new Context();
    }
}

class PrestaShopLogger
{
    /** Writes a line, unless the same one stands there or it is said that it may. */
    public static function addLog($message, $severity = 1, $code = null, $type = null, $id = null, $duplicate = false)
    {
        $about = !empty($type) && !empty($id);
        $row = ['message' => pSQL($message), 'severity' => (int) $severity, 'error_code' => (int) $code];
        $row += ['object_type' => $about ? pSQL($type) : '', 'object_id' => $about ? (int) $id : 0];
        $same = [];
        foreach ($row as $column => $value) {
            $same[] = '`' . $column . '` = \'' . pSQL($value) . '\'';
        }
        $query = 'SELECT COUNT(*) FROM `' . _DB_PREFIX_ . 'log` WHERE ' . implode(' AND ', $same);
        return ($duplicate || !Db::getInstance()->getValue($query)) && Db::getInstance()->insert('log', $row);
    }
}

abstract class Module
{
    public $id;
    public $name;
    public $version;
    public $author;
    public $tab;
    public $displayName;
    public $description;
    public $need_instance = 1;
    public $bootstrap = false;
    public $ps_versions_compliancy = [];

    protected $context;

    public function __construct($name = null, $context = null)
    {
        $this->context = $context ?: Context::getContext();
    }

    public function install()
    {
        $range = $this->ps_versions_compliancy;
        $fits = version_compare(_PS_VERSION_, $range['min'], '>=') && version_compare(_PS_VERSION_, $range['max'], '<=');
        $named = preg_match('/^[a-zA-Z0-9_-]+$/', $this->name);
        return $fits && $named && Db::getInstance()->insert('module', ['name' => $this->name, 'version' => $this->version]);
    }

    public function uninstall()
    {
        $db = Db::getInstance();
        return $db->execute('DELETE FROM `' . _DB_PREFIX_ . 'hook_module`') && $db->execute('DELETE FROM `' . _DB_PREFIX_ . 'module`');
    }

    public function registerHook($names)
    {
        foreach ((array) $names as $name) {
            Db::getInstance()->insert('hook_module', ['name' => $name]);
        }
        return true;
    }

    public function displayError($text)
    {
        return '<div class="module_error alert alert-danger">' . $text . '</div>';
    }

    public function displayConfirmation($text)
    {
        return '<div class="module_confirmation conf confirm alert alert-success">' . $text . '</div>';
    }
}

class Tools
{
    public static function isSubmit($name)
    {
        return isset($_POST[$name]);
    }

    public static function getValue($name, $default = false)
    {
        $value = isset($_POST[$name]) ? $_POST[$name] : $default;
        return is_string($value) ? stripslashes(str_replace("\0", '', $value)) : $value;
    }

    public static function getAdminTokenLite($tab)
    {
        return 'token-of-' . $tab;
    }
}

class AdminController
{
    public static $currentIndex = 'index.php?controller=AdminModules';
}

/** Tells what it would show: PrestaShop's template is not ours to try. */
class HelperForm
{
    public $module;
    public $name_controller = '';
    public $token;
    public $currentIndex;
    public $submit_action = '';
    public $fields_value = [];

    public function generateForm($fields)
    {
        $shown = [];
        foreach ($fields as $set) {
            foreach ($set['form']['input'] as $input) {
                $shown[] = $input['type'] . ' ' . $input['name'] . '=' . $this->fields_value[$input['name']];
            }
        }
        return '<form action="' . $this->currentIndex . '&token=' . $this->token . '">' . implode("\n", $shown) . '</form>';
    }
}
