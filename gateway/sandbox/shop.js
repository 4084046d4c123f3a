// The demo shop's page: keeps the visitor's choice, posts events to the gateway, shows what became of them.
// Whatever is shown is set as text; no part of the page is ever built from a string.
"use strict";

const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);
const byId = (id) => document.getElementById(id);

const GATEWAY = setting("gateway");
const KEY = setting("publishable-key");
const STOREFRONT = setting("storefront");
const COMMAND = setting("command");
const BANNER_VERSION = "1";
const STORED = "demo-shop-consent";
const ORDER = { value: "129.90", currency: "EUR" };
const LABELS = { page_view: "Page view", add_to_cart: "Add to basket", purchase: "Purchase" };
const PLATFORMS = { meta: "Meta", pinterest: "Pinterest", google_ads: "Google Ads" };

// How long to ask the shop's server for arrivals, and after which time silence counts as an answer (milliseconds).
const ASK_EVERY = 700;
const QUIET_AFTER_REFUSAL = 4000;
const GIVE_UP = 60000;

const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");

// ── the visitor's choice ────────────────────────────────────────────────────────────────────────────────────────

function readChoice() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORED));
    return stored !== null && typeof stored.advertising === "boolean" && typeof stored.given_at === "string" ? stored : null;
  } catch {
    return null; // No storage, or not ours: the visitor is asked.
  }
}

function keepChoice(choice) {
  try {
    localStorage.setItem(STORED, JSON.stringify(choice));
  } catch {
    // A browser that keeps nothing: the choice holds for this page.
  }
}

let choice = readChoice();
let seen = false;

function showChoice() {
  byId("choice").textContent = choice === null ? "not chosen yet" : choice.advertising ? "accepted" : "refused";
  byId("change").hidden = choice === null;
  byId("hint").textContent = hint();
}

function hint() {
  if (choice === null) return "Please answer the question above first; nothing is sent before.";
  if (choice.advertising && navigator.globalPrivacyControl === true) {
    return "Your browser sends Global Privacy Control. The gateway takes it as a refusal, whatever was clicked here.";
  }
  return "";
}

function ask() {
  byId("banner").hidden = false;
  byId("refuse").focus();
}

function choose(advertising) {
  choice = { advertising, given_at: now() };
  keepChoice(choice);
  byId("banner").hidden = true;
  byId("product").focus();
  showChoice();
  viewPage();
}

function viewPage() {
  if (seen) return;
  seen = true;
  send("page_view");
}

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

// Letters, digits and dashes only, so that every platform keeps the id as it is.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return "shop-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function describe(kind) {
  const email = byId("email").value.trim();
  return {
    event: kind,
    event_id: newId(),
    occurred_at: now(),
    page_url: location.href,
    ...(email === "" ? {} : { customer: { email } }),
    ...(kind === "page_view" ? {} : { order: ORDER }),
    consent: { advertising: choice.advertising, given_at: choice.given_at, banner_version: BANNER_VERSION },
  };
}

// text/plain needs no preflight, and keepalive lets the request outlive the page, as a beacon would.
async function post(event) {
  const answer = await fetch(`${GATEWAY}/v1/collect?k=${encodeURIComponent(KEY)}`, {
    method: "POST",
    body: JSON.stringify(event),
    headers: { "Content-Type": "text/plain" },
    credentials: "omit",
    keepalive: true,
  });
  return answer.status;
}

async function send(kind) {
  if (choice === null) return ask();
  const event = describe(kind);
  const entry = list(event);
  let heard;
  try {
    const status = await post(event);
    heard = status === 204 ? "The gateway said: 204." : `The gateway said: ${status}. It did not take the request.`;
  } catch {
    heard = "The gateway could not be reached, or does not know this page's address.";
  }
  part(entry, "gateway").textContent = heard;
  follow(event, entry);
}

// ── what happened ───────────────────────────────────────────────────────────────────────────────────────────────

function list(event) {
  const entry = byId("event").content.firstElementChild.cloneNode(true);
  const command = `${COMMAND} explain ${STOREFRONT} ${event.event} ${event.event_id}`;
  part(entry, "name").textContent = LABELS[event.event];
  part(entry, "time").textContent = new Date().toLocaleTimeString();
  part(entry, "consent").textContent = event.consent.advertising
    ? "Sent with consent to advertising."
    : "Sent with a refusal of advertising.";
  part(entry, "command").textContent = command;
  part(entry, "copy").addEventListener("click", () => copy(command));
  byId("empty").hidden = true;
  byId("events").prepend(entry);
  return entry;
}

async function copy(command) {
  try {
    await navigator.clipboard.writeText(command);
    say("Command copied.");
  } catch {
    say("Please select the command and copy it by hand.");
  }
}

async function follow(event, entry) {
  const started = Date.now();
  for (;;) {
    const status = await arrivals(event.event_id);
    const waited = Date.now() - started;
    if (status !== null && show(event, entry, status, waited)) return;
    if (waited > GIVE_UP) return;
    await new Promise((resume) => setTimeout(resume, waited < 10000 ? ASK_EVERY : 4 * ASK_EVERY));
  }
}

async function arrivals(eventId) {
  try {
    const answer = await fetch(`status?event_id=${encodeURIComponent(eventId)}`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// Shows the state; true when there is nothing more to wait for.
function show(event, entry, status, waited) {
  const names = Object.keys(PLATFORMS);
  const arrived = names.filter((name) => status[name]?.arrived);
  const quiet = waited > (event.consent.advertising ? GIVE_UP : QUIET_AFTER_REFUSAL);
  for (const name of names) {
    const line = entry.querySelector(`[data-platform="${name}"]`);
    line.className = look(event, arrived.includes(name), quiet);
    line.querySelector("em").textContent = words(event, arrived.includes(name), quiet, PLATFORMS[name]);
  }
  showFields(entry, status, arrived);
  const done = quiet || arrived.length === names.length;
  if (done) say(`${LABELS[event.event]}: ${arrived.length === 0 ? "nothing arrived" : `arrived at ${arrived.length} of ${names.length}`}.`);
  return done;
}

function look(event, arrived, quiet) {
  if (arrived) return event.consent.advertising ? "arrived" : "missing";
  if (!quiet) return "";
  return event.consent.advertising ? "missing" : "absent";
}

function words(event, arrived, quiet, name) {
  if (arrived) return event.consent.advertising ? `confirmed by ${name}` : "arrived although it was refused!";
  if (!quiet) return event.consent.advertising ? "waiting …" : "nothing so far";
  return event.consent.advertising ? "nothing arrived; the command below says why" : "nothing arrived, as it should be";
}

function showFields(entry, status, arrived) {
  const fields = part(entry, "fields");
  if (fields.childElementCount === 2 * arrived.length && fields.childElementCount > 0) return;
  fields.replaceChildren();
  for (const name of arrived) {
    fields.append(text("dt", PLATFORMS[name]), text("dd", status[name].fields.join(", ")));
  }
  if (arrived.length === 0) fields.append(text("dd", "Nothing."));
}

function text(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

function say(words) {
  byId("news").textContent = words;
}

// ── begin ───────────────────────────────────────────────────────────────────────────────────────────────────────

byId("accept").addEventListener("click", () => choose(true));
byId("refuse").addEventListener("click", () => choose(false));
byId("change").addEventListener("click", ask);
byId("basket").addEventListener("click", () => send("add_to_cart"));
byId("order").addEventListener("submit", (event) => {
  event.preventDefault();
  send("purchase");
});

showChoice();
if (choice === null) {
  byId("banner").hidden = false; // Not focused on arrival: a page should not move the focus by itself.
} else {
  viewPage();
}
