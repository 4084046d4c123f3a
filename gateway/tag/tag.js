// The gateway's tag: tells the gateway what a visitor does, once the visitor has agreed to advertising, and nothing before.
//
// What a visitor agreed to is read from the page itself, anew for every event and once more before each is sent: Shopify's
// customer privacy, Google's Consent Mode, __tcfapi, __gpp, Global Privacy Control, or a callback of the page's own. Until one
// of them says yes and none says no, nothing leaves and nothing is stored; a no empties what waits. No cookie, ever. What could
// not be sent is kept in the page's storage, after a yes only, and sent under the same id, so that it counts once.
//
// Made small by `make tag`; the types stand in tag.d.ts, the guide is docs/tag.md.

(() => {
  "use strict";

  const own = document.currentScript;
  if (!own || (window.gateway && window.gateway.v)) return;
  const early = (window.gateway && window.gateway.q) || [];
  const base = new URL(own.src).origin;
  const key = own.dataset.key;
  const banner = own.dataset.bannerVersion;
  const MOST_WAITING = 20;
  const GIVE_UP_AFTER = 6 * 86400; // seconds: the gateway takes nothing that is older than seven days
  const PAUSES = [1, 5, 30, 120]; // seconds until the next try

  // ── what the page says ────────────────────────────────────────────────────────────────────────────────────────

  let callback; // what the page itself says: a value, or a function that gives one
  let tcf; // the last word of the TCF banner
  let gpp;

  const yesIn = (value) => value === true || value === "granted" || value === "yes";

  const consentMode = () => {
    const state = {};
    let chosen = false;
    for (const entry of window.dataLayer || []) {
      if (!entry || entry[0] !== "consent" || !entry[2]) continue;
      const update = entry[1] === "update";
      for (const name of ["ad_storage", "ad_user_data", "ad_personalization"]) {
        const said = entry[2][name];
        // A default that grants is no answer; one that denies counts, for whatever region it is.
        if (said && (update || said !== "granted")) state[name] = said;
        chosen = chosen || (update && !!said);
      }
    }
    return chosen ? state : undefined;
  };

  const shopify = () => {
    const api = window.Shopify && window.Shopify.customerPrivacy;
    const said = api && api.currentVisitorConsent && api.currentVisitorConsent();
    return said && (said.marketing || said.sale_of_data) ? { marketing: said.marketing, sale_of_data: said.sale_of_data } : undefined;
  };

  // Gives what is said and the verdict: true (a yes, and no no), false (a no), undefined (nothing decided yet).
  const read = () => {
    const consent = {};
    const said = [];
    try {
      const own = typeof callback === "function" ? callback() : callback;
      if (own === true || own === false) consent.advertising = own;
      else if (own) Object.assign(consent, own);
      const given = (value) => value !== undefined && value !== null;
      if (given(consent.advertising)) said.push(consent.advertising === true);
      const vendors = Object.values(consent.vendors || {}).filter(given);
      if (vendors.length) said.push(vendors.some(yesIn));

      const google = consentMode();
      if (google) {
        consent.google = google;
        const answers = [google.ad_storage, google.ad_user_data];
        if (answers.every(yesIn)) said.push(true);
        else if (answers.some((answer) => answer && !yesIn(answer))) said.push(false);
      }
      const visitor = shopify();
      if (visitor) {
        consent.shopify_visitor = visitor;
        if (visitor.marketing) said.push(yesIn(visitor.marketing));
        if (visitor.sale_of_data === "no") said.push(false);
      }
      if (tcf) {
        consent.tcf = tcf.tcString;
        if (tcf.addtlConsent) consent.ac = tcf.addtlConsent;
        const purposes = (tcf.purpose && tcf.purpose.consents) || {};
        said.push(!!(purposes[1] && purposes[7]));
      }
      if (gpp) {
        consent.gpp = gpp.gppString;
        consent.gpp_sid = gpp.applicableSections;
        const sections = JSON.stringify(gpp.parsedSections || {});
        if (/"(?:SaleOptOut|SharingOptOut|TargetedAdvertisingOptOut|Gpc)":(?:1|true)\b/.test(sections)) said.push(false);
      }
      if (navigator.globalPrivacyControl) {
        consent.gpc = true;
        said.push(false);
      }
      if (banner) consent.banner_version = banner;
    } catch {
      return [{}, undefined]; // a banner that is broken has decided nothing
    }
    return [consent, said.includes(false) ? false : said.includes(true) || undefined];
  };

  // ── what is kept, after a yes only ────────────────────────────────────────────────────────────────────────────

  const STORED = "cgw"; // and one key with this beginning for each event that waits, so that two windows lose nothing
  let receipt; // by which an order of the shop's server finds this consent
  let recorded; // the consent that the gateway has, as text
  let click; // the ad that led here, if the shop wants to know
  let waiting = [];

  // A browser that keeps nothing: the page itself remembers, as long as it is open.
  const stored = (use) => {
    try {
      return use(localStorage);
    } catch {
      return undefined;
    }
  };

  const nameOf = (event) => `${STORED}.${event.event}.${event.event_id}`;
  const mine = (storage) => Object.keys(storage).filter((name) => name.startsWith(STORED));

  const load = () => {
    if (receipt) return;
    const kept = stored((storage) => JSON.parse(storage.getItem(STORED))) || {};
    receipt = kept.receipt || random(12);
    recorded = kept.recorded;
    click = clicked() || kept.click;
    const left = stored((storage) =>
      mine(storage)
        .filter((name) => name !== STORED)
        .map((name) => JSON.parse(storage.getItem(name))),
    );
    for (const event of left || []) add(event);
  };

  // An address that the visitor typed is not kept: what is sent again from another page goes without it.
  const save = () => {
    stored((storage) => {
      storage.setItem(STORED, JSON.stringify({ receipt, recorded, click }));
      for (const event of waiting) storage.setItem(nameOf(event), JSON.stringify({ ...event, customer: undefined }));
    });
  };

  const add = (event) => {
    if (!waiting.some((one) => nameOf(one) === nameOf(event))) waiting.push(event);
    while (waiting.length > MOST_WAITING) remove(waiting[0]);
  };

  const remove = (event) => {
    waiting = waiting.filter((one) => one !== event);
    stored((storage) => storage.removeItem(nameOf(event)));
  };

  const forget = () => {
    waiting = [];
    receipt = recorded = click = undefined;
    stored((storage) => mine(storage).forEach((name) => storage.removeItem(name)));
  };

  const random = (bytes) =>
    Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const clicked = () => {
    if (!("clicks" in own.dataset)) return undefined;
    const query = new URLSearchParams(location.search);
    const found = {};
    for (const name of ["gclid", "gbraid", "wbraid", "epik"]) if (query.get(name)) found[name] = query.get(name);
    if (query.get("fbclid")) found.fbc = `fb.1.${Date.now()}.${query.get("fbclid")}`;
    return Object.keys(found).length ? found : undefined;
  };

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

  const url = (path) => `${base}/v1/${path}?k=${encodeURIComponent(key)}`;
  const now = () => Math.floor(Date.now() / 1000);

  const record = (consent) => ({ consent: { given_at: now(), ...consent, receipt } });
  const whole = (event, consent) => ({ click, ...event, consent });

  // Plain text needs no preflight; keepalive lets the request outlive the page. Throws where a later try may do better.
  const post = async (path, body) => {
    const answer = await fetch(url(path), {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "text/plain" },
      credentials: "omit",
      keepalive: true,
    });
    if (answer.status === 429 || answer.status >= 500) throw answer.status;
    return answer.ok;
  };

  let busy = false;
  let flying; // the event that is on its way
  let tries = 0;
  let timer;

  // One after another, and the consent before every event: what was said is asked for anew each time.
  const flush = async () => {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    try {
      for (;;) {
        const [consent, yes] = read();
        if (yes === false) await refuse();
        if (!yes) break;
        load();
        const said = JSON.stringify(consent);
        if (recorded !== said) {
          if (!(await post("consent", record(consent)))) break;
          recorded = said;
          save();
          continue;
        }
        flying = waiting[0];
        if (!flying) break;
        if (flying.occurred_at > now() - GIVE_UP_AFTER) await post("collect", whole(flying, { ...consent, receipt }));
        remove(flying);
        tries = 0;
      }
    } catch {
      timer = setTimeout(flush, 1000 * PAUSES[Math.min(tries++, PAUSES.length - 1)]);
    }
    flying = undefined;
    busy = false;
  };

  // A no: nothing that waits is sent, and what the gateway was told before is taken back.
  const refuse = async () => {
    const kept = stored((storage) => JSON.parse(storage.getItem(STORED))) || { receipt, recorded };
    waiting.slice().forEach(remove);
    if (kept.recorded) await post("consent/withdraw", { receipt: kept.receipt });
    forget();
  };

  // The page goes: what was not sent yet goes along, and stays in storage until it is known to have arrived.
  const leave = () => {
    const [consent, yes] = read();
    const left = waiting.filter((one) => one !== flying);
    if (!yes || !left.length) return;
    const known = recorded === JSON.stringify(consent);
    if (!known) navigator.sendBeacon(url("consent"), JSON.stringify(record(consent)));
    const said = known ? { ...consent, receipt } : consent; // a record that may come later than the event is not cited
    navigator.sendBeacon(url("collect"), JSON.stringify({ events: left.map((event) => whole(event, said)) }));
  };

  // ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

  const KINDS = ["purchase", "add_to_cart", "page_view"];

  const track = (kind, said = {}) => {
    const id = String(said.id || random(12));
    const event = { event: kind, event_id: id, occurred_at: now(), page_url: location.origin + location.pathname };
    if (said.email) event.customer = { email: said.email };
    if (said.value !== undefined || said.content_ids) {
      const { value, currency, content_ids } = said;
      event.order = {
        // A number stays one: the gateway rounds away what binary fractions add, and text is read to the letter.
        value: value === undefined || typeof value === "number" ? value : String(value),
        currency,
        content_ids: content_ids && [].concat(content_ids).map(String),
      };
    }
    const yes = read()[1];
    if (yes === false) return id; // not even remembered
    add(event);
    if (yes) {
      load();
      save();
      flush();
    }
    return id;
  };

  let seen;
  const view = () => {
    if (seen === location.pathname + location.search) return;
    seen = location.pathname + location.search;
    track("page_view");
  };

  // gateway("purchase", {...}) gives the event's id; gateway("consent", …) says what the page's own banner says;
  // gateway("receipt") gives what an order of the shop's server cites, once there is consent.
  const gateway = (command, said) => {
    if (KINDS.includes(command)) return track(command, said);
    if (command === "consent") {
      callback = said;
      changed();
    }
    if (command === "receipt" && read()[1]) {
      load();
      save();
      flush();
      return receipt;
    }
  };
  gateway.v = 1;
  window.gateway = gateway;

  // ── hearing of changes ────────────────────────────────────────────────────────────────────────────────────────

  let last;
  const changed = () => {
    const [consent, yes] = read();
    const said = `${yes}${JSON.stringify(consent)}`;
    if (said === last) return;
    last = said;
    if (yes !== undefined) flush();
  };

  const listen = (name, hear) => {
    try {
      if (typeof window[name] === "function") hear(window[name]);
      return typeof window[name] === "function";
    } catch {
      return false;
    }
  };

  const heard = {};
  const look = () => {
    heard.tcf =
      heard.tcf ||
      listen("__tcfapi", (api) =>
        api("addEventListener", 2, (data, well) => {
          if (!well || !data) return;
          const decided = data.gdprApplies !== false && /^(?:tcloaded|useractioncomplete)$/.test(data.eventStatus);
          tcf = decided ? data : undefined;
          changed();
        }),
      );
    heard.gpp =
      heard.gpp ||
      listen("__gpp", (api) =>
        api("addEventListener", (heard) => {
          const data = heard && heard.pingData;
          gpp = data && data.signalStatus === "ready" ? data : gpp;
          changed();
        }),
      );
    changed();
  };

  // Banners have no one way of saying that something changed: their events, and a look now and then while nothing is decided.
  for (const name of ["visitorConsentCollected", "CookiebotOnConsentReady", "OneTrustGroupsUpdated", "consent.updated"]) {
    document.addEventListener(name, look);
    window.addEventListener(name, look);
  }
  setInterval(look, 1000);
  addEventListener("online", () => waiting.length && flush());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    seen = undefined; // the visitor came back to a page that was kept whole
    start();
    if (waiting.length) flush();
  });
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());

  const start = () => own.dataset.pages !== "off" && view();

  if (own.dataset.pages !== "off") {
    const push = history.pushState;
    history.pushState = function (...given) {
      push.apply(this, given);
      view();
    };
    addEventListener("popstate", view);
  }
  for (const one of early) gateway(...one);
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
  look();
})();
