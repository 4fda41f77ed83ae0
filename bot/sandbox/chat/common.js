// What the parts of the page share: finding and making, asking the control door, telling the visitor.

import { made } from "./marked.js";

const TOAST = 3500;
export const find = (selector, within = document) => within.querySelector(selector);

const zoned = options => new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Kolkata", ...options });
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
export const FULL = zoned({ weekday: "short", day: "numeric", month: "short", ...CLOCK });
export const SHORT = zoned({ weekday: "short", hour: "2-digit", minute: "2-digit" });
export const TIME = zoned({ hour: "2-digit", minute: "2-digit" });
export const SECONDS = zoned(CLOCK);
export const DAY = zoned({ weekday: "long", day: "numeric", month: "long" });
export const shown = (format, unix) => format.format(new Date(unix * 1000));

export async function post(path, given) {
  const reply = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given),
  }).catch(() => null);
  const told = await reply?.json();
  if (!reply?.ok) toast(told?.error ?? "The demo does not answer.");
  return told?.result;
}

export const telegram = (method, given) => post(`control/telegram/${method}`, given);

export function toast(text) {
  const place = find("#toast");
  place.textContent = text;
  clearTimeout(toast.ends);
  toast.ends = setTimeout(() => { place.textContent = ""; }, TOAST);
}

export function alarm(text) {
  find("#alert-text").textContent = text;
  find("#alert").showModal();
}

export async function copy(text) {
  const refused = await navigator.clipboard.writeText(text).catch(error => error);
  toast(refused ? "This browser does not allow it." : "Copied.");
}

const SVG = "http://www.w3.org/2000/svg";

/** A small picture; without a meaning of its own it is not read out. */
export function sign(name, means) {
  const picture = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `signs.svg#${name}`);
  picture.setAttribute("class", "sign");
  picture.append(use);
  if (!means) picture.setAttribute("aria-hidden", "true");
  return means ? made("span", { role: "img", ariaLabel: means, title: means }, picture) : picture;
}
