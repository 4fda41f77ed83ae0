// Text with entities, as the Bot API describes it, becomes nodes. Offsets are UTF-16 units there and here.
// Nothing is ever read as HTML.

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", text_link: "a", url: "a",
  bot_command: "button", spoiler: "button",
};
const LIVELY = /https?:\/\/[^\s<>"]+|(?<![\w/<>:.@-])\/[a-z0-9_]{1,32}(?![\w@/])/g;
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const LITERAL = new Set(["code", "pre", "text_link", "url", "bot_command"]);

/** An element with these facts and children. */
export function made(tag, facts = {}, ...children) {
  const element = Object.assign(document.createElement(tag), facts);
  element.append(...children);
  return element;
}

/** The nodes of a text; a command in it, pressed, is handed to `send`. */
export function marked(text, entities, send) {
  return between(0, text.length, [...entities], false);

  function between(start, end, inside, literal) {
    const nodes = [];
    let at = start;
    while (inside.length) {
      const entity = inside.shift();
      const close = entity.offset + entity.length;
      if (entity.offset < at || close > end) continue;
      nodes.push(...plain(text.slice(at, entity.offset), literal));
      const within = inside.filter(other => other.offset + other.length <= close);
      nodes.push(element(entity, between(entity.offset, close, within, literal || LITERAL.has(entity.type))));
      at = BLOCKS.has(entity.type) && text[close] === "\n" ? close + 1 : close;  // a block ends its line by itself
    }
    return [...nodes, ...plain(text.slice(at, end), literal)];
  }

  function element(entity, children) {
    const tag = TAGS[entity.type];
    if (!tag) return made("span", {}, ...children);
    if (tag === "a") return link(entity.url, children);
    if (entity.type === "bot_command") return command(children);
    if (entity.type === "spoiler") return spoiler(children);
    return made(tag, {}, ...children);
  }

  function plain(part, literal) {
    if (literal || !part) return part ? [part] : [];
    const nodes = [];
    let at = 0;
    for (const found of part.matchAll(LIVELY)) {
      nodes.push(part.slice(at, found.index));
      nodes.push(found[0].startsWith("/") ? command([found[0]]) : link(found[0], [found[0]]));
      at = found.index + found[0].length;
    }
    return [...nodes, part.slice(at)];
  }

  function link(address, children) {
    const anchor = made("a", { target: "_blank", rel: "noopener noreferrer" }, ...children);
    const href = address ?? anchor.textContent;
    if (/^https?:/.test(href)) anchor.href = href;
    return anchor;
  }

  function command(children) {
    const button = made("button", { type: "button", className: "command" }, ...children);
    button.onclick = () => send(button.textContent);
    return button;
  }

  function spoiler(children) {
    const button = made("button", { type: "button", className: "spoiler", ariaLabel: "hidden text" }, ...children);
    button.onclick = () => { button.className = "told"; button.removeAttribute("aria-label"); };
    return button;
  }
}
