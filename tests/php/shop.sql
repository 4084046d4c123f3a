-- A small shop: those columns of PrestaShop's tables that a module of ours reads, or that hold what it must not tell.
-- Names and numbers are PrestaShop's own; see framework.php for where they are from.
CREATE TABLE ps_configuration (name VARCHAR(254) NOT NULL, value VARCHAR(1000)) DEFAULT CHARSET=utf8mb4;
INSERT INTO ps_configuration VALUES ('PS_OS_CANCELED', '6'), ('PS_OS_REFUND', '7');
CREATE TABLE ps_module (id_module INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL UNIQUE, version VARCHAR(8) NOT NULL);
CREATE TABLE ps_hook_module (name VARCHAR(191) NOT NULL PRIMARY KEY);
CREATE TABLE ps_log (id_log INT AUTO_INCREMENT PRIMARY KEY, severity TINYINT NOT NULL, error_code INT, message VARCHAR(1000) NOT NULL,
  object_type VARCHAR(32), object_id INT UNSIGNED) DEFAULT CHARSET=utf8mb4;
CREATE TABLE ps_employee (id_employee INT UNSIGNED PRIMARY KEY);
INSERT INTO ps_employee VALUES (1);
CREATE TABLE ps_cart (id_cart INT UNSIGNED PRIMARY KEY);
CREATE TABLE ps_customer (id_customer INT UNSIGNED PRIMARY KEY, firstname VARCHAR(255), lastname VARCHAR(255), email VARCHAR(255))
  DEFAULT CHARSET=utf8mb4;
CREATE TABLE ps_currency (id_currency INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, iso_code VARCHAR(3));
INSERT INTO ps_currency (iso_code) VALUES ('EUR'), ('JPY'), ('KWD');
CREATE TABLE ps_country (id_country INT UNSIGNED PRIMARY KEY, iso_code VARCHAR(3));
INSERT INTO ps_country VALUES (8, 'FR'), (21, 'US');
CREATE TABLE ps_state (id_state INT UNSIGNED PRIMARY KEY, iso_code VARCHAR(7));
INSERT INTO ps_state VALUES (8, 'CA');
CREATE TABLE ps_address (id_address INT UNSIGNED PRIMARY KEY, id_country INT UNSIGNED, id_state INT UNSIGNED, address1 VARCHAR(128),
  phone VARCHAR(32)) DEFAULT CHARSET=utf8mb4;
INSERT INTO ps_address VALUES (1, 8, 0, '12 rue des Canaris', '+33 6 00 00 00 99'), (2, 21, 8, '12 Canary Row', '+1 555 0199');
CREATE TABLE ps_shop_url (id_shop INT UNSIGNED PRIMARY KEY, domain VARCHAR(150), domain_ssl VARCHAR(150));
INSERT INTO ps_shop_url VALUES (1, 'shop.example', 'shop.example'), (2, 'other.example', 'other.example');
CREATE TABLE ps_order_state (id_order_state INT UNSIGNED PRIMARY KEY, paid TINYINT(1) UNSIGNED NOT NULL);
INSERT INTO ps_order_state VALUES (1, 0), (2, 1), (4, 1), (6, 0), (7, 0), (8, 0);
CREATE TABLE ps_orders (id_order INT UNSIGNED PRIMARY KEY, id_cart INT UNSIGNED, id_shop INT UNSIGNED, id_customer INT UNSIGNED,
  id_currency INT UNSIGNED, id_address_delivery INT UNSIGNED, id_address_invoice INT UNSIGNED, current_state INT UNSIGNED,
  secure_key VARCHAR(32), reference VARCHAR(255), total_paid DECIMAL(20,6), total_paid_tax_incl DECIMAL(20,6), date_add DATETIME)
  DEFAULT CHARSET=utf8mb4;
CREATE TABLE ps_order_detail (id_order INT UNSIGNED, product_id INT UNSIGNED, product_attribute_id INT UNSIGNED,
  product_name VARCHAR(1000)) DEFAULT CHARSET=utf8mb4;
