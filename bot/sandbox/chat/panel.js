// The panel beside the chats: time to move, things to break, what is done at the machine or typed at a broker, what
// brokers were asked.

import { FULL, SECONDS, SHORT, copy, find, post, shown, sign, toast } from "./common.js";
import { made } from "./marked.js";

function leap({ label, at }) {
  const button = made("button", { type: "button", disabled: at === null }, label);
  if (at !== null) button.append(made("small", {}, shown(SHORT, at)));
  button.onclick = () => pass(button, { until: at });
  return button;
}

/** Lets time pass, and says in view of the button how late it is then. */
async function pass(button, given) {
  button.ariaBusy = "true";
  const now = await post("time", given);
  button.ariaBusy = "false";
  if (now) toast(`It is ${shown(FULL, now)}.`);
}

function broken({ name, now, ways }) {
  const select = made("select", { id: `trouble-${name}`, className: now === ways[0] ? "" : "broken" });
  select.append(...ways.map(way => made("option", { value: way, selected: way === now }, way)));
  select.onchange = () => post("trouble", { name, trouble: select.value });
  return made("div", {}, made("label", { htmlFor: select.id }, name), select);
}

function login({ broker, client_id, password, calls_it }) {
  const code = made("button", { type: "button" }, "copy code");
  code.onclick = async () => copy(await post(`control/${broker}/code`, { client_id }));
  const rows = [[calls_it, client_id], ["password", password]].map(([what, value]) => [what, copies(value)]);
  return [...rows, ["six digits", code]].flatMap(([what, how]) => [
    made("dt", {}, `${broker}: ${what}`), made("dd", {}, how),
  ]);
}

function copies(value) {
  const button = made("button", { type: "button", ariaLabel: `copy ${value}` });
  button.append(made("code", {}, value), " ", sign("copy"));
  button.onclick = () => copy(value);
  return button;
}

function call({ at, broker, method, path, outcome }) {
  const failed = !/^2\d\d$/.test(outcome) && outcome;
  return made("li", { className: failed ? "failed" : "" },
    made("time", {}, shown(SECONDS, at)), made("b", {}, broker), made("span", {}, outcome || "…"),
    made("code", {}, `${method} ${path}`));
}

/** Fills a place anew only where it would look different, so that focus stays where it is. */
function fill(place, facts, build) {
  const told = JSON.stringify(facts);
  if (place.told === told) return;
  place.told = told;
  const focused = [...place.querySelectorAll("button, select")].indexOf(document.activeElement);
  place.replaceChildren(...build());
  if (focused >= 0) place.querySelectorAll("button, select")[focused]?.focus({ preventScroll: true });
}

export function showPanel({ leaps, troubles, logins, calls, config, locked }) {
  const hour = find("[data-hours]");
  fill(find("#leaps"), leaps, () => [hour, ...leaps.map(leap)]);
  fill(find("#troubles"), troubles, () => troubles.map(broken));
  fill(find("#logins dl"), logins, () => logins.flatMap(login));
  fill(find("#calls"), calls, () => calls.map(call));
  find("#machine").hidden = config === null;
  find("#machine code").textContent = config ?? "";
  find("#locked").hidden = !locked;
  find("#logins").hidden = !logins.length;
  find("#no-calls").hidden = calls.length > 0;
}

find("[data-hours]").onclick = ({ currentTarget: button }) => pass(button, { by: 3600 * button.dataset.hours });
find("#unlock").onclick = async () => {
  const told = await post("unlock", {});
  if (told) toast(`The chat: ${told}.`);
};
find("#mend").onclick = () => post("trouble", {});
