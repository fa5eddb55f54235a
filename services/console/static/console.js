// What script adds: parts that stay fresh, search while typing, the bulk bar, one send per form. All works without.
"use strict";
document.documentElement.classList.add("scripted");

const say = (text) => {
  const said = document.getElementById("said");
  if (said) said.innerHTML = "", said.append(Object.assign(document.createElement("p"), { className: "said", textContent: text }));
};
// Whoever was signed out goes on where they are, once they have signed in beside: what they typed is only here.
function ranOut() {
  if (document.querySelector(".ran-out")) return;
  say("");
  document.querySelector("#said p").replaceWith(Object.assign(document.createElement("p"), { className: "missing ran-out", textContent: word("RanOut") + " " }));
  document.querySelector(".ran-out").append(Object.assign(document.createElement("a"), { href: document.body.dataset.login, target: "_blank", rel: "noopener", textContent: word("SignIn") }));
}
// Whether an answer is for somebody who was signed out, which is said.
function isOut(answer) {
  const isOut = answer.status === 401 || answer.type === "opaqueredirect";
  if (isOut) ranOut(); else document.querySelector(".ran-out")?.remove();
  return isOut;
}
const word = (name) => document.body.dataset["words" + name] || "";

// --- Fetching a page again, for some of its parts ---------------------------------------------------------------
const here = () => document.body.dataset.at || location.pathname + location.search; // of a form that was refused, where it stands
const marks = new Map(); // the mark of a page's state (ETag), by address

async function fetchPage(address) {
  const headers = { "X-Fragment": "1" };
  if (marks.has(address)) headers["If-None-Match"] = marks.get(address);
  const answer = await fetch(address, { headers, cache: "no-store", redirect: "manual" });
  if (isOut(answer)) throw new Error("signed out");
  if (answer.status === 304 || answer.status === 204) return null;
  if (!answer.ok && answer.status !== 422) throw new Error(answer.status);
  if (answer.headers.get("ETag")) marks.set(address, answer.headers.get("ETag"));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Whether a button is held down: what is replaced between pressing and letting go is never clicked.
let pressed = false;
for (const kind of ["pointerdown", "pointerup", "pointercancel"]) window.addEventListener(kind, () => { pressed = kind === "pointerdown"; }, true);
window.addEventListener("blur", () => { pressed = false; }); // of the window: it was let go elsewhere

// Whether somebody is in the middle of something there: pressing, typing, choosing, reading a menu.
function isBusy(part) {
  if (pressed) return true;
  const active = document.activeElement;
  if (part.contains(active) && active.matches("input:not([type=checkbox]), textarea, select")) return true;
  return part.querySelector(".fault, details.menu[open], details[data-keep][open], form[data-changed]") !== null;
}

function replace(part, fresh, keepTicks = false) {
  if (!fresh || part.innerHTML === fresh.innerHTML || Number(fresh.dataset.version) < Number(part.dataset.version)) return; // or older than the last scan
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const place = active && (active.id ? "#" + CSS.escape(active.id) : active.getAttribute("href") && `a[href="${CSS.escape(active.getAttribute("href"))}"]`);
  const open = [...part.querySelectorAll("details[id][open]")].map((one) => one.id);
  const ticked = keepTicks ? [...part.querySelectorAll("input[type=checkbox]:checked")] : [];
  part.replaceChildren(...fresh.childNodes);
  for (const one of ticked) {
    const again = part.querySelector(`input[type=checkbox][name="${CSS.escape(one.name)}"][value="${CSS.escape(one.value)}"]`);
    if (again) again.checked = true;
  }
  for (const name of ["data-live", "data-under-way", "data-version"]) if (fresh.hasAttribute(name)) part.setAttribute(name, fresh.getAttribute(name)); else part.removeAttribute(name);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (place) part.querySelector(place)?.focus({ preventScroll: true });
  count();
}

// --- Parts that ask again while somebody looks ------------------------------------------------------------------
let asked = Date.now();
// What was just done leads to more in the background: for a while the page asks often.
const eagerUntil = document.querySelector("#said .said") ? Date.now() + 20000 : 0;
async function refresh() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length || document.hidden) return;
  asked = Date.now();
  try {
    const page = await fetchPage(here());
    document.body.classList.remove("is-cut-off");
    if (!page) return;
    let skipped = false;
    for (const part of parts) {
      if (isBusy(part)) { skipped = true; continue; }
      const before = part.querySelector("[data-announce]")?.textContent;
      replace(part, page.getElementById(part.id), true);
      const after = part.querySelector("[data-announce]")?.textContent;
      if (before && after && before !== after) announce(after);
    }
    if (skipped) marks.delete(here());
  } catch { document.body.classList.add("is-cut-off"); }
}
function announce(text) {
  const place = document.getElementById("announced") || document.body.appendChild(
    Object.assign(document.createElement("div"), { id: "announced", className: "unseen", role: "status" }));
  place.textContent = text;
}
function seconds() {
  const all = [...document.querySelectorAll("[data-live]")].map((part) => Number(part.dataset.live) || 20);
  if (all.length && Date.now() < eagerUntil) return 2;
  return all.length ? Math.min(...all) : 0;
}
setInterval(() => { if (seconds() && Date.now() - asked >= seconds() * 1000) refresh(); }, 500);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { refresh(); bell(); newer(); } });

async function fill(place, address) {
  if (document.hidden || !place) return;
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" }, cache: "no-store" });
    if (answer.status === 200) {
      const text = await answer.text();
      if (place.innerHTML.trim() !== text.trim()) place.innerHTML = text;
    }
  } catch { /* it is asked again */ }
}
const bell = () => fill(document.getElementById("bell"), document.body.dataset.bell);
const newer = () => {
  const place = document.getElementById("newer");
  if (place) fill(place, place.dataset.from);
};
if (document.body.dataset.bell) { bell(); setInterval(bell, 30000); }
setInterval(newer, 15000);

// --- Search while typing: the list changes, and so does the address ---------------------------------------------
let typing, latest = 0;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-typing]");
  if (!form || event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const address = addressOf(form), turn = ++latest;
    try {
      const page = await fetchPage(address);
      if (!page || turn !== latest) return; // a later answer is on its way
      for (const id of form.dataset.typing.split(" ")) replace(document.getElementById(id), page.getElementById(id));
      history.replaceState(history.state, "", address);
    } catch { /* the form still works */ }
  }, 250);
});
function addressOf(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  return form.getAttribute("action") + (query.size ? "?" + query : "");
}

// --- What fits while somebody types into a search box: orders, customers, products -------------------------------
for (const finder of document.querySelectorAll("[data-suggest]")) {
  const box = finder.querySelector("input"), list = finder.querySelector("[role=listbox]");
  let asking, wanted = "", at = -1;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const open = (yes) => { list.hidden = !yes; box.setAttribute("aria-expanded", yes); if (!yes) choose(-1); };
  const choose = (to) => {
    at = to;
    options().forEach((one, index) => one.setAttribute("aria-selected", index === at));
    if (at < 0) box.removeAttribute("aria-activedescendant");
    else { box.setAttribute("aria-activedescendant", options()[at].id); options()[at].scrollIntoView({ block: "nearest" }); }
  };
  for (const [name, value] of [["role", "combobox"], ["aria-controls", list.id], ["aria-autocomplete", "list"], ["aria-expanded", "false"]]) box.setAttribute(name, value);
  box.addEventListener("input", () => {
    clearTimeout(asking);
    const typed = wanted = box.value.trim();
    if (typed.length < 3) { open(false); return; }
    asking = setTimeout(async () => {
      try {
        const address = new URL(finder.dataset.suggest, location.href);
        address.searchParams.set("search", typed);
        const answer = await fetch(address, { headers: { "X-Fragment": "1" }, cache: "no-store" });
        const text = answer.status === 200 ? await answer.text() : "";
        if (typed !== wanted || document.activeElement !== box) return; // more was typed, or another thing is done
        list.innerHTML = text;
        open(text !== "");
        if (text) list.scrollIntoView({ block: "nearest" });
        if (text) announce((finder.dataset.found || word("Found")).replace("0", options().length - list.querySelectorAll("[data-other]").length));
      } catch { open(false); }
    }, 200);
  });
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const last = options().length - 1;
    if (last < 0 && event.key !== "Escape") return;
    if (event.key === "ArrowDown") choose(at === last ? 0 : at + 1);
    else if (event.key === "ArrowUp") choose(at <= 0 ? last : at - 1);
    else if (event.key === "Escape") open(false);
    else if (event.key === "Enter" && at >= 0) options()[at].click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  finder.addEventListener("focusout", (event) => { if (!finder.contains(event.relatedTarget)) open(false); });
}

// --- Forms: sent once, and not left by accident -----------------------------------------------------------------
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get") {
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    setTimeout(() => { for (const field of form.elements) field.disabled = false; });
    return;
  }
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  keepKeys();
  if (form.target) setTimeout(refresh, 1500); // what it does shows here too
  form.removeAttribute("data-changed");
  event.submitter?.classList.add("is-busy");
});
window.addEventListener("pageshow", () => { // also when Back brings a page out of memory
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
  count();
});
// What was typed a browser brings back with Back; here comes the key that it was sent under: once more, it acts once.
const byForm = () => [...document.querySelectorAll("form input[type=hidden][name=key]")].map((key, at) => [`${at} ${key.form.action}`, key]);
const entry = history.state?.entry || `keys ${Date.now()} ${Math.random()}`; // of the history, which keeps nothing else that is ours
const keepKeys = () => { try { sessionStorage.setItem(entry, JSON.stringify(Object.fromEntries(byForm().map(([form, key]) => [form, key.value])))); } catch { sessionStorage.clear(); } };
if (!history.state?.entry) history.replaceState({ entry }, "");
else if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") for (const [form, key] of byForm()) key.value = JSON.parse(sessionStorage.getItem(entry) || "{}")[form] || key.value;
keepKeys();
document.addEventListener("input", (event) => { event.target.closest("form[data-guarded]")?.setAttribute("data-changed", ""); });
window.addEventListener("beforeunload", (event) => { if (document.querySelector("form[data-changed]") || scans.length) event.preventDefault(); });

// --- A form that is kept while it is filled in; what stands beside its fields is shown anew -----------------------
const keeper = document.querySelector("form[data-keeps]");
if (keeper) {
  const mark = document.getElementById("kept"), sum = () => keeper.querySelector("#draft-summary [data-announce]").textContent;
  let due, sending = null, stale = false;
  const tell = (state) => { mark.textContent = mark.dataset[state]; if (!["saving", "saved"].includes(state)) announce(mark.textContent); };
  const owe = (state) => { keeper.setAttribute("data-changed", ""); tell(state); };
  const later = (milliseconds) => { clearTimeout(due); due = setTimeout(keep, milliseconds); };
  function keep() {
    if (stale || keeper.dataset.sent || !keeper.hasAttribute("data-changed")) return;
    if (sending) { later(300); return; }
    keeper.removeAttribute("data-changed");
    tell("saving");
    sending = send().catch(() => { owe("unsaved"); later(5000); }).finally(() => { sending = null; });
  }
  async function send() {
    const answer = await fetch(keeper.action, { method: "POST", headers: { "X-Fragment": "1" }, body: new URLSearchParams(new FormData(keeper)), keepalive: document.hidden });
    stale = [404, 412].includes(answer.status); // deleted, or changed by another: looked at before anything is written over
    isOut(answer);
    if (answer.status === 404) { owe("gone"); return; }
    if (![200, 403, 409, 412, 422].includes(answer.status)) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), before = sum();
    for (const part of page.querySelectorAll("body > [id]")) replace(document.getElementById(part.id) || part, part);
    if (sum() !== before) announce(sum());
    const wrong = page.getElementById("draft-faults").dataset.wrong.split(" ");
    for (const field of keeper.querySelectorAll("[id][name]")) if (wrong.includes(field.id)) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
    if (answer.ok) tell("saved"); else owe("refused");
  }
  for (const [kind, wait] of [["input", 900], ["change", 100]]) keeper.addEventListener(kind, (event) => { if (event.target.type !== "search") later(wait); });
  keeper.addEventListener("keydown", (event) => { // Enter keeps what was typed, and stays there
    if (event.key === "Enter" && event.target.matches("input:not([type=search])")) { event.preventDefault(); later(0); }
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  keeper.addEventListener("submit", (event) => { // not both at once: the second would be of an old version
    clearTimeout(due);
    if (!sending) return;
    event.preventDefault();
    event.stopPropagation();
    sending.finally(() => keeper.requestSubmit(event.submitter));
  });
}

// --- Scanners: they type faster than a hand, and end with Enter -------------------------------------------------
const QUICK = 60, PAUSE = 500, SHORTEST = 3, scans = []; // ms from key to key of a code; ms that end one; its keys; what waits, in order
let keys = [], since = 0, made = 0, sending = false, alarm = 0, sounds; // alarm: the wrong one, and all since
const scanForm = () => document.querySelector("form[data-scan]"), held = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
window.addEventListener("keydown", (event) => {
  if (!scanForm() || event.isComposing || event.key === "Shift") return;
  const gap = event.timeStamp - since, code = gap <= PAUSE && (event.key === "Enter" || event.key === "Tab") && scannedOf(gap);
  if (code) { held(event); putBack(code[0]); scanned(code.map((one) => one.key).join("")); } // its end presses no button
  if (code || event.key.length > 1 || event.ctrlKey || event.altKey || event.metaKey || event.repeat) { keys = []; return; }
  if (gap > PAUSE) keys = []; else if (event.key === " " && keys.length && gap <= QUICK) event.preventDefault(); // nor does a blank in it
  const field = document.activeElement || document.body, { value, checked } = field;
  keys.push({ key: event.key, gap, field, value, checked, changed: field.form?.hasAttribute("data-changed") }), since = event.timeStamp;
}, true);
function scannedOf(last) { // the keys of a code that ends now: behind two slow ones, which are a hand's, and quick by the median
  const from = keys.findLastIndex((one, at) => at > 1 && one.gap > QUICK && keys[at - 1].gap > QUICK);
  const code = keys.slice(Math.max(from, 0)), gaps = [...code.slice(1).map((one) => one.gap), last].sort((a, b) => a - b);
  return code.length >= SHORTEST && gaps[gaps.length >> 1] <= QUICK ? code : null;
}
function putBack({ field, value, checked, changed }) { // what the field had before the scanner typed into it
  if (field.matches("input:not([type=file]), textarea, select")) {
    Object.assign(field, { value, checked }); // also where it looks the same: what is no number reads as none
    if (!changed) field.form?.removeAttribute("data-changed"); // and below: what it found goes too
    if (field.type === "search") field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (document.activeElement?.id === "code") document.activeElement.value = ""; // it may be another by now
}
function scanned(code) {
  const form = scanForm(), place = document.getElementById("alarm");
  if (alarm) { place.querySelector("[data-told]").textContent = place.dataset.missed.replace("0", alarm++); buzz(); return; }
  if (form.dataset.scan !== "each") { form.elements.code.value = code; form.requestSubmit(); return; }
  scans.push({ code, to: form.action, key: `${form.elements.key.value}.${Date.now().toString(36)}.${++made}` });
  tellWaiting(), send();
}
document.addEventListener("submit", (event) => {
  const field = event.target.elements.code, code = field?.value.trim();
  if (event.target.dataset.scan !== "each") return;
  held(event), field.value = ""; if (code) scanned(code);
}, true);
async function send() {
  if (sending) return;
  for (sending = true; scans.length && !alarm;) {
    const { code, to, key } = scans[0];
    try {
      const answer = await fetch(to, { method: "POST", headers: { "X-Fragment": "1" }, body: new URLSearchParams({ code, key }) });
      if (isOut(answer) || answer.status === 429 || answer.status >= 500) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), isGone = !page.getElementById("alarm");
      scans.splice(0, isGone ? Infinity : 1);
      if (isGone || (answer.ok && new URL(answer.url).pathname !== location.pathname)) { location.assign(isGone ? location.href : answer.url); return; } // another's paper
      if (answer.ok) { history.replaceState(history.state, "", answer.url); beep(1400, 0.06); } else warn(page);
      for (const id of ["bench", "scanner"]) if (answer.ok || id === "bench") replace(document.getElementById(id), page.getElementById(id));
      tellWaiting(), announce(document.getElementById("counter")?.textContent || "");
    } catch { // it is sent again under its key, so that it counts once
      tellWaiting("cut"), await new Promise((again) => setTimeout(again, 2000));
    }
  }
  sending = false;
}
function warn(page) { // or, without one, go on
  alarm = page ? 1 : 0;
  document.getElementById("alarm").replaceChildren(...(page?.getElementById("alarm").childNodes || [])), document.getElementById("scanner").hidden = alarm > 0;
  document.querySelector(alarm ? "#alarm [tabindex]" : "#code")?.focus(); // warning, on no button, which Enter would press
  if (alarm) buzz(); else send();
}
document.addEventListener("click", (event) => { if (alarm && event.target.closest("[data-go-on]")) { event.preventDefault(); warn(null); } });
function tellWaiting(how = "waiting") {
  const place = document.getElementById("waiting");
  Object.assign(place, { hidden: scans.length < (how === "cut" ? 1 : 2), textContent: place.dataset[how].replace("0", scans.length) });
}
function beep(hertz, seconds, later = 0) {
  try {
    const tone = new OscillatorNode(sounds ||= new AudioContext(), { type: "square", frequency: hertz }), at = sounds.currentTime + later;
    tone.connect(new GainNode(sounds, { gain: 0.3 })).connect(sounds.destination), tone.start(at), tone.stop(at + seconds);
  } catch { /* what is not heard is still seen */ }
}
const buzz = () => { beep(180, 0.3); beep(140, 0.4, 0.35); };

// --- Ticks of a long walk outlive a phone that falls asleep -----------------------------------------------------
try {
  const place = `kept ${location.pathname}`, fields = [...document.querySelectorAll("form[data-kept] li input")], before = JSON.parse(localStorage.getItem(place) || "{}");
  const box = (one) => one.type === "checkbox", nameOf = (one) => (box(one) ? `tick ${one.value}` : one.name);
  const keep = () => localStorage.setItem(place, JSON.stringify(Object.fromEntries(fields.map((each) => [nameOf(each), box(each) ? each.checked : each.value]))));
  for (const one of fields) { if (nameOf(one) in before) one[box(one) ? "checked" : "value"] = before[nameOf(one)]; one.addEventListener("change", keep); }
} catch { /* where a browser keeps nothing, the form still works */ }

// --- Ticking rows -----------------------------------------------------------------------------------------------
let last = null;
const tickName = (form) => form.dataset.bulk || "order_id";
const ticksOf = (form) => [...form.elements].filter((one) => one.name === tickName(form)); // also those beside it
function count() {
  for (const form of document.querySelectorAll("form[data-bulk]")) {
    const ticks = ticksOf(form);
    const chosen = ticks.filter((tick) => tick.checked).length;
    const bar = form.querySelector(".bulk");
    if (!bar) continue;
    bar.classList.toggle("is-open", chosen > 0);
    const shown = bar.querySelector("[data-count]");
    shown.textContent = shown.dataset.count.replace("0", chosen);
    const all = form.querySelector("input[data-all]");
    if (all) { all.checked = chosen > 0 && chosen === ticks.length; all.indeterminate = chosen > 0 && chosen < ticks.length; }
  }
}
document.addEventListener("click", (event) => {
  const tick = event.target;
  if (!tick.matches?.("input[type=checkbox]")) return;
  const form = tick.form;
  if (!form?.matches("[data-bulk]")) return;
  const ticks = ticksOf(form);
  if (tick.hasAttribute("data-all")) for (const one of ticks) one.checked = tick.checked;
  else if (event.shiftKey && last && ticks.includes(last)) {
    const [from, to] = [ticks.indexOf(last), ticks.indexOf(tick)].sort((a, b) => a - b);
    for (const one of ticks.slice(from, to + 1)) one.checked = tick.checked;
  }
  if (tick.name === tickName(form)) last = tick;
  count();
});

// --- Small things -----------------------------------------------------------------------------------------------
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    try { await navigator.clipboard.writeText(button.dataset.copy); say(word("Copied")); } catch { /* it can be marked by hand */ }
  }
  if (event.target.closest("[data-print]")) print();
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.activeElement?.closest?.("details.menu[open]") || document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  }
  if (event.key === "/" && !event.target.closest?.("input, textarea, select, [contenteditable]")) {
    const field = document.querySelector("main input[type=search]") || document.querySelector(".find input");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  }
});
// Of more tabs than there is room for, the one that is open is in sight.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const row = tab.parentElement, beyond = tab.getBoundingClientRect().right - row.getBoundingClientRect().right;
  if (beyond > 0) row.scrollLeft += beyond + 8;
}
count();
document.querySelector("[data-focus]")?.focus();
