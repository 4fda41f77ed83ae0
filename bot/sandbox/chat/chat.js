// One person's chat with the bot: its messages, its command menu, and what is typed.

import { DAY, TIME, alarm, copy, find, shown, sign, telegram, toast } from "./common.js";
import { made, marked } from "./marked.js";

const TYPING = 5000;

export class Chat {
  /** `tellNews` hears whether the bot wrote while the chat was out of view. */
  constructor(person, tellNews) {
    this.id = person.chat;
    this.tellNews = tellNews;
    this.menu = [];
    this.bubbles = new Map();
    this.root = find("#chat").content.firstElementChild.cloneNode(true);
    this.root.id = `chat-${this.id}`;
    this.log = find(".log", this.root);
    this.list = find(".menu", this.root);
    this.input = find("input", this.root);
    this.who = `${person.name} · ${person.role}`;
    find(".who", this.root).textContent = this.who;
    this.root.ariaLabel = `Chat of ${this.who}`;
    this.log.ariaLabel = `Messages of ${this.who}`;
    this.list.id = `menu-${this.id}`;
    this.input.id = `message-${this.id}`;
    this.input.setAttribute("aria-controls", this.list.id);
    find(".skip", this.root).href = `#${this.input.id}`;
    this.listens();
  }

  listens() {
    find(".empty button", this.root).onclick = () => this.say("/start");
    find(".opens-menu", this.root).onclick = () => {
      this.offer(this.list.hidden ? this.menu : []);
      this.input.focus();
    };
    find("form", this.root).onsubmit = event => {
      event.preventDefault();
      this.say(this.active()?.dataset.command ?? this.input.value);
    };
    this.input.oninput = () => {
      const typed = this.input.value;
      const fits = /^\/\w*$/.test(typed) ? this.menu.filter(([name]) => `/${name}`.startsWith(typed)) : [];
      this.offer(fits);
    };
    this.input.onkeydown = event => this.typed(event);
    this.root.addEventListener("focusout", event => {
      if (!this.root.contains(event.relatedTarget)) this.offer([]);
    });
  }

  typed(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape") this.offer([]);
    if (this.list.hidden) return;
    if (event.key in steps) {
      event.preventDefault();
      this.activate(steps[event.key]);
    } else if (event.key === "Tab" && this.active()) {
      event.preventDefault();
      this.input.value = `${this.active().dataset.command} `;
      this.offer([]);
    }
  }

  async say(text) {
    if (!text.trim()) return;
    this.input.value = "";
    this.offer([]);
    await telegram("say", { chat_id: this.id, text: text.trim() });
  }

  // The command menu

  offer(commands) {
    this.list.replaceChildren(...commands.map(([name, summary], place) => {
      const facts = { role: "option", id: `${this.list.id}-${place}`, ariaSelected: "false" };
      const option = made("li", facts, made("b", {}, `/${name}`), ` ${summary}`);
      option.dataset.command = `/${name}`;
      option.onmousedown = event => event.preventDefault();
      option.onclick = () => this.say(`/${name}`);
      return option;
    }));
    this.list.hidden = !commands.length;
    this.input.ariaExpanded = find(".opens-menu", this.root).ariaExpanded = String(!this.list.hidden);
    this.input.removeAttribute("aria-activedescendant");
  }

  active() {
    return find('[aria-selected="true"]', this.list);
  }

  activate(step) {
    const options = [...this.list.children];
    const now = options.indexOf(this.active());
    const next = options.at(Math.max(now + step, -1) % options.length);
    options.forEach(option => { option.ariaSelected = String(option === next); });
    this.input.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }

  // Messages

  show({ menu, messages, gone }) {
    this.menu = Object.entries(menu);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    const mine = messages.some(message => !message.by_bot && !this.bubbles.has(message.id));
    gone.forEach(id => this.drop(id));
    messages.forEach(message => this.put(message));
    if (messages.some(message => message.by_bot)) {
      this.types(false);
      this.tellNews(!this.root.checkVisibility());
    }
    find(".empty", this.root).hidden = this.bubbles.size > 0;
    if (messages.length && (atEnd || mine)) this.log.scrollTop = this.log.scrollHeight;
  }

  put(message) {
    const before = this.bubbles.get(message.id);
    const bubble = this.bubble(message);
    this.bubbles.set(message.id, bubble);
    if (!before) {
      this.separate(message.date);
      bubble.classList.add("arrives");
      this.log.append(bubble);
      return;
    }
    const pressed = [...before.querySelectorAll("button, a")].indexOf(document.activeElement);
    before.replaceWith(bubble);
    if (pressed >= 0) (bubble.querySelectorAll("button, a")[pressed] ?? this.log).focus({ preventScroll: true });
  }

  drop(id) {
    const bubble = this.bubbles.get(id);
    if (!bubble) return;
    if (bubble.contains(document.activeElement)) this.log.focus({ preventScroll: true });
    this.bubbles.delete(id);
    bubble.remove();
  }

  separate(date) {
    const day = shown(DAY, date);
    if (day === this.day) return;
    this.day = day;
    this.log.append(made("p", { className: "day" }, day));
  }

  bubble(message) {
    const bubble = made("article", { className: message.by_bot ? "bots" : "mine" });
    bubble.dataset.message = message.id;
    bubble.classList.toggle("protected", message.protected);
    const replied = this.bubbles.get(message.reply_to);
    if (replied) bubble.append(made("p", { className: "quote" }, find(".text", replied).textContent.slice(0, 80)));
    if (message.picture) bubble.append(this.picture(message));
    bubble.append(
      made("div", { className: "text" }, ...marked(message.text, message.entities, text => this.say(text))),
      this.foot(message),
      ...message.buttons.map((row, above) => this.row(message, row, message.buttons.slice(0, above).flat().length)),
    );
    if (message.protected) bubble.oncopy = bubble.oncontextmenu = event => event.preventDefault();
    return bubble;
  }

  /** Pressed, it is shown in its own size. */
  picture(message) {
    const { width, height } = message.picture;
    const src = `photo/${this.id}/${message.id}`;
    const image = made("img", { src, width, height, alt: "a picture; what it says in short stands under it" });
    return made("a", { href: src, target: "_blank", rel: "noopener", className: "picture" }, image);
  }

  foot(message) {
    const marks = [
      message.protected && sign("shield", "protected: it cannot be copied or forwarded"),
      message.silent && sign("quiet", "it made no sound"),
      message.edits > 0 && message.by_bot && "edited",
      made("time", { dateTime: new Date(message.date * 1000).toISOString() }, shown(TIME, message.date)),
    ];
    return made("p", { className: "foot" }, ...marks.filter(Boolean).flatMap(mark => [mark, " "]));
  }

  row(message, buttons, first) {
    const keys = buttons.map((button, place) => this.button(message, button, first + place));
    return made("div", { className: "row" }, ...keys);
  }

  button(message, { label, url, copies, style }, place) {
    if (url) {
      const elsewhere = { href: url, target: "_blank", rel: "noopener noreferrer" };
      return made("a", { ...elsewhere, className: "key" }, label, " ", sign("link"));
    }
    const key = made("button", { type: "button", className: `key ${style ?? ""}` }, label);
    if (copies) key.append(" ", sign("copy"));
    key.onclick = () => {
      if (copies) return copy(copies);
      key.ariaBusy = "true";
      return telegram("press", { chat_id: this.id, message_id: message.id, button: place });
    };
    return key;
  }

  answered(event) {
    this.log.querySelectorAll('[aria-busy="true"]').forEach(key => { key.ariaBusy = "false"; });
    if (event.text) (event.alert ? alarm : toast)(event.text);
  }

  types(on) {
    clearTimeout(this.typing);
    find(".who", this.root).textContent = on ? "typing …" : this.who;
    if (on) this.typing = setTimeout(() => this.types(false), TYPING);
  }
}
