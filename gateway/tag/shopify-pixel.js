// Shopify custom pixel for the consent gateway. Paste it under Settings > Customer events > Add custom pixel, with the permission
// "Marketing" required and "Data sale" as your policy says. Nothing is sent before the visitor agreed to marketing.
//
// The pixel runs in a frame without an origin of its own, so the storefront's `allow_null_origin` must be on at the gateway.
// It tells the gateway of consent (so that the order's webhook finds it by cart, checkout or order) and of three events. The
// webhook and the pixel name an order alike, so that it counts once.
// https://shopify.dev/docs/api/web-pixels-api (read 2026-11-26)

const GATEWAY = "{{address}}";
const KEY = "{{key}}";

let privacy = init.customerPrivacy;
let told = null; // the consent that the gateway was told, as text
let receipt = null;
let joins = {};

api.customerPrivacy.subscribe("visitorConsentCollected", (event) => {
  privacy = event.customerPrivacy;
  tell().catch(() => {});
});

const url = (path) => `${GATEWAY}/v1/${path}?k=${encodeURIComponent(KEY)}`;

// Plain text needs no preflight. Throws where a later try may do better.
const post = async (path, body) => {
  const answer = await fetch(url(path), {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "text/plain" },
    credentials: "omit",
    keepalive: true,
  });
  if (answer.status === 429 || answer.status >= 500) throw new Error(String(answer.status));
};

const PAUSES = [1, 5, 30];
// Until it is heard, or the visitor has changed their mind.
const patiently = async (path, body, still = allowed) => {
  for (const pause of PAUSES) {
    try {
      return await post(path, body);
    } catch {
      await new Promise((done) => setTimeout(done, 1000 * pause));
      if (!still()) return undefined;
    }
  }
  return browser.sendBeacon(url(path), JSON.stringify(body));
};

const allowed = () => privacy.marketingAllowed === true && privacy.saleOfDataAllowed === true;
const said = () => ({ shopify: { marketingAllowed: privacy.marketingAllowed, saleOfDataAllowed: privacy.saleOfDataAllowed } });
const now = () => Math.floor(Date.now() / 1000);
const draw = () => crypto.randomUUID().replaceAll("-", "");

// Keeps the visitor's choice at the gateway, by all that an order can be found by later. A no is told only after a yes.
const tell = async () => {
  const text = JSON.stringify([said(), joins]);
  if (text === told) return;
  if (!allowed()) {
    const taken = receipt;
    told = receipt = null;
    if (taken) await patiently("consent/withdraw", { receipt: taken }, () => !allowed());
    return;
  }
  receipt = receipt || draw();
  await patiently("consent", { consent: { ...said(), given_at: now(), receipt, join: joins } });
  told = text;
};

// gid://shopify/Order/1001 and the webhook's 1001 are one order.
const number = (id) => (String(id || "").match(/\d+$/) || [undefined])[0];
const drop = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));

const send = async (event, clientId, more = {}) => {
  if (!allowed()) return;
  joins = { ...joins, ...drop({ client_id: clientId, ...more }) };
  await tell();
  if (!allowed()) return;
  await patiently("collect", { ...event, consent: { ...said(), ...(receipt ? { receipt } : {}) } });
};

const base = (event, kind, id) => ({
  event: kind,
  event_id: id,
  occurred_at: Math.floor(Date.parse(event.timestamp) / 1000),
  page_url: event.context.document.location.origin + event.context.document.location.pathname,
});

// Shopify names each event once, and the id stays the same when it is sent again.
const idOf = (event) => String(event.id).replace(/[^A-Za-z0-9_.:-]/g, "").slice(0, 64) || draw();

analytics.subscribe("page_viewed", (event) => send(base(event, "page_view", idOf(event)), event.clientId));

analytics.subscribe("product_added_to_cart", (event) => {
  const line = event.data.cartLine;
  if (!line) return undefined;
  const order = {
    value: String(line.cost.totalAmount.amount),
    currency: line.cost.totalAmount.currencyCode,
    content_ids: [number(line.merchandise.id)].filter(Boolean),
  };
  return send({ ...base(event, "add_to_cart", idOf(event)), order }, event.clientId);
});

// The thank-you page may never load, and the order comes all the same: so the checkout is known before it is completed.
analytics.subscribe("checkout_started", (event) => {
  const token = event.data.checkout.token || undefined;
  joins = { ...joins, ...drop({ client_id: event.clientId, checkout_token: token }) };
  if (allowed()) tell().catch(() => {});
});

analytics.subscribe("checkout_completed", (event) => {
  const checkout = event.data.checkout;
  const id = number(checkout.order && checkout.order.id);
  if (!id) return undefined; // without its number the order could not be told from the webhook's
  const order = {
    value: String(checkout.totalPrice.amount),
    currency: checkout.totalPrice.currencyCode,
    content_ids: checkout.lineItems.map((line) => number(line.variant && line.variant.id)).filter(Boolean).slice(0, 100),
  };
  const purchase = { ...base(event, "purchase", id), order, ...(checkout.email ? { customer: { email: checkout.email } } : {}) };
  return send(purchase, event.clientId, { checkout_token: checkout.token || undefined, order_id: id });
});
