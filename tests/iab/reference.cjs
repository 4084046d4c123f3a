// The references speak: npm's @iabtcf/core and @iabgpp/cmpapi, behind JSON lines.
//
// In:  {"ask": name, "items": [...]}, one question of many items a line. Out: {"answers": [...]}, one for each item, in order:
// {"value": ...} or {"error": "the name of the reference's own exception"}. Ends when its input ends.
// The folder whose node_modules holds the references is the only argument.

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");
const { join } = require("node:path");

const installed = createRequire(join(process.argv[2], "/"));
const tcf = installed("@iabtcf/core");
const gpp = installed("@iabgpp/cmpapi");

const SEGMENTS = { disclosed: "vendorsDisclosed", allowed: "vendorsAllowed", publisher: "publisherTC" };
const idsOf = (vector) => [...vector].filter(([, yes]) => yes).map(([id]) => id);

// Fields of a TC string, any left out as the reference has it -> the string. `created` and `lastUpdated` are Unix
// milliseconds; `segments` names those after the core. Encoded segment by segment, because the reference's own way over a
// vendor list would take out whatever that list does not hold.
function encodeTc(fields) {
  const model = new tcf.TCModel();
  model.created = new Date(fields.created);
  model.lastUpdated = new Date(fields.lastUpdated);
  for (const name of ["cmpId", "cmpVersion", "policyVersion", "isServiceSpecific", "useNonStandardStacks", "purposeOneTreatment",
    "publisherCountryCode", "vendorListVersion"])
    if (name in fields) model[name] = fields[name];
  model.consentLanguage = "EN";
  model.purposeConsents.set(fields.purposes ?? []);
  model.purposeLegitimateInterests.set(fields.legitimateInterests ?? []);
  model.specialFeatureOptins.set(fields.specialFeatures ?? []);
  model.vendorConsents.set(fields.vendors ?? []);
  model.vendorLegitimateInterests.set(fields.vendorLegitimateInterests ?? []);
  model.vendorsDisclosed.set(fields.disclosed ?? []);
  model.vendorsAllowed.set(fields.allowed ?? []);
  model.publisherConsents.set(fields.publisherPurposes ?? []);
  for (const [vendor, purpose, type] of fields.restrictions ?? [])
    model.publisherRestrictions.add(vendor, new tcf.PurposeRestriction(purpose, type));
  model.publisherRestrictions.gvl_ = { vendorIds: new Set(fields.listed ?? (fields.restrictions ?? []).map(([id]) => id)) };
  const parts = ["core", ...(fields.segments ?? ["disclosed"]).map((name) => SEGMENTS[name])];
  return parts.map((part) => tcf.SegmentEncoder.encode(model, part)).join(".");
}

// The reference keeps a restriction's vendors in a tree that becomes a list when they come in order: 65,535 of them take
// minutes. What it reads is left as it is; only the vendors asked about are put into its tree.
const addRestriction = tcf.PurposeRestrictionVector.prototype.add;
let asked = null;
tcf.PurposeRestrictionVector.prototype.add = function (vendor, restriction) {
  if (asked === null || asked.has(vendor)) addRestriction.call(this, vendor, restriction);
};

function decodedOf(text, about) {
  asked = new Set(about);
  try {
    return tcf.TCString.decode(text);
  } finally {
    asked = null;
  }
}

// {"text", "about": vendor ids} -> what the reference reads in it, of the vendors asked about only: a hostile string names
// millions of them.
function decodeTc({ text, about }) {
  const model = decodedOf(text, about);
  const ofThem = (vector) => about.filter((id) => vector.has(id));
  return {
    version: model.version_,
    created: model.created.getTime(),
    lastUpdated: model.lastUpdated.getTime(),
    cmpId: model.cmpId_,
    policyVersion: model.policyVersion_,
    isServiceSpecific: model.isServiceSpecific_,
    purposes: idsOf(model.purposeConsents),
    vendors: ofThem(model.vendorConsents),
    disclosed: ofThem(model.vendorsDisclosed),
    restrictions: about.flatMap((id) =>
      model.publisherRestrictions.getRestrictions(id).map((found) => [id, found.purposeId_, found.restrictionType])),
  };
}

// {"section name": {"field": value}} -> the GPP string.
function encodeGpp(sections) {
  const model = new gpp.GppModel();
  for (const [section, fields] of Object.entries(sections))
    for (const [field, value] of Object.entries(fields)) model.setFieldValue(section, field, value);
  return model.encode();
}

// A GPP string -> {"ids": section ids in its order, "sections": {"section name": {"field": value}}}; dates as ISO text.
function decodeGpp(text) {
  const model = new gpp.GppModel(text);
  return { ids: model.getSectionIds(), sections: model.toObject() };
}

const ANSWERS = { "tcf.encode": encodeTc, "tcf.decode": decodeTc, "gpp.encode": encodeGpp, "gpp.decode": decodeGpp };

function answer(ask, item) {
  try {
    return { value: ANSWERS[ask](item) };
  } catch (error) {
    return { error: error.name === "Error" ? error.message : error.name };
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { ask, items } = JSON.parse(line);
  process.stdout.write(JSON.stringify({ answers: items.map((item) => answer(ask, item)) }) + "\n");
});
