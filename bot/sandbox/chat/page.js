// The demo's page: asks what changed, and hands it to the chats and the panel.

import { Chat } from "./chat.js";
import { FULL, find, shown } from "./common.js";
import { made } from "./marked.js";
import { showPanel } from "./panel.js";

const RETRY = 1500;
const chats = new Map();
const clock = { offset: 0, frozen: null };
let beside = null;

// Who is in view

function meet(people) {
  for (const person of people) {
    if (chats.has(person.chat)) continue;
    const chat = new Chat(person, isNews => mark(person.chat, isNews));
    chats.set(person.chat, chat);
    find("#chats").append(chat.root);
    const tab = made("button", { type: "button" }, person.name);
    tab.dataset.chat = person.chat;
    tab.onclick = () => look(person.chat);
    find("#people").append(tab);
  }
  if (beside === null) look(people[0].chat);
}

function look(chat) {
  beside = chat;
  const [first] = chats.keys();
  for (const [id, one] of chats) {
    one.root.hidden = id !== chat && id !== first;
    one.root.classList.toggle("behind", id !== chat);
    one.log.scrollTop = one.log.scrollHeight;
    if (one.root.checkVisibility()) mark(id, false);
  }
  for (const tab of find("#people").children) tab.ariaPressed = String(Number(tab.dataset.chat) === chat);
}

/** Whether the bot wrote there since the chat was last in view. */
function mark(chat, isNews) {
  const tab = find(`#people [data-chat="${chat}"]`);
  tab.classList.toggle("news", isNews);
  tab.ariaLabel = isNews ? `${tab.textContent}, new messages` : null;
}

// Watching

function tick() {
  const now = clock.frozen ?? Date.now() / 1000 + clock.offset;
  for (const place of document.querySelectorAll(".now")) place.textContent = shown(FULL, now);
}

function show(state) {
  clock.offset = state.clock.now - Date.now() / 1000;
  clock.frozen = state.clock.frozen ? state.clock.now : null;
  tick();
  meet(state.chats);
  for (const told of state.chats) chats.get(told.chat).show(told);
  showPanel(state);
}

function react(events) {
  for (const event of events) {
    const chat = chats.get(event.chat);
    if (event.what === "answered") chat?.answered(event);
    else chat?.types(true);
  }
}

/** What changed since that event, as soon as it is not what was seen; nothing where nobody answers. */
async function changes(after, seen) {
  const reply = await fetch(`look?after=${after}&seen=${seen}`).catch(() => null);
  return reply?.ok ? reply.json().catch(() => null) : null;
}

async function watch() {
  let after = 0;
  let seen = "";
  for (;;) {
    const state = await changes(after, seen);
    find("#ended").hidden = state !== null;
    if (state === null) {
      await new Promise(again => setTimeout(again, RETRY));
      continue;
    }
    if (seen) react(state.events);
    show(state);
    ({ event: after, seen } = state);
  }
}

setInterval(tick, 1000);
watch();
