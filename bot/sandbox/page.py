"""The chat page: a person with a browser writes to the bot, presses its buttons and moves the time.

One page without anything from elsewhere; it uses the control door like any other program.
"""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>kunji sandbox</title>
<style>
body { font: 16px/1.45 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; background: #eef1f4 }
header { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center }
#chat { width: 8rem }
#now { margin-left: auto; font-variant-numeric: tabular-nums }
article { background: #fff; border-radius: .8rem; padding: .6rem .9rem; margin: .6rem 4rem .6rem 0 }
article { white-space: pre-wrap }
article.mine { background: #dcf3d5; margin: .6rem 0 .6rem 4rem }
article small { color: #667; display: block }
article button, article a.button { display: inline-block; margin: .4rem .3rem 0 0 }
tg-spoiler, .tg-spoiler { background: #ccc; color: #ccc } tg-spoiler:hover, .tg-spoiler:hover { color: inherit }
form { display: flex; gap: .5rem; position: sticky; bottom: 0; padding: .6rem 0; background: #eef1f4 }
form input { flex: 1; padding: .6rem; font: inherit } button { font: inherit; padding: .3rem .8rem }
</style>
<header><label>chat <input id="chat" inputmode="numeric"></label>
<button data-advance="60">+1 min</button><button data-advance="3600">+1 h</button>
<button data-advance="43200">+12 h</button><span id="now"></span></header>
<main id="log"></main>
<form><input id="text" placeholder="/start" autocomplete="off" autofocus><button>send</button></form>
<script>
const $ = id => document.getElementById(id);
const post = (path, body) => fetch(path, {method: "POST", headers: {"Content-Type": "application/json"},
  body: JSON.stringify(body)}).then(r => r.json());
const telegram = (method, body) => post(`/control/telegram/${method}`, body);
const chat = () => Number($("chat").value);
$("chat").value = location.hash.slice(1) || "1001";
$("chat").onchange = () => { location.hash = $("chat").value; show() };
document.querySelectorAll("[data-advance]").forEach(b => b.onclick = () =>
  post("/clock", {advance: Number(b.dataset.advance)}));
document.forms[0].onsubmit = event => {
  event.preventDefault();
  if ($("text").value) telegram("say", {chat_id: chat(), text: $("text").value});
  $("text").value = "";
};
function below(message) {
  return message.buttons.flat().map(b => {
    const made = document.createElement(b.url ? "a" : "button");
    made.textContent = b.label;
    if (b.url) Object.assign(made, {href: b.url, target: "_blank", rel: "noopener", className: "button"});
    else made.onclick = () => b.copies ? navigator.clipboard.writeText(b.copies)
      : telegram("press", {chat_id: chat(), message_id: message.id, data: b.data});
    return made;
  });
}
async function show() {
  const {result} = await telegram("transcript", {chat_id: chat()});
  $("log").replaceChildren(...(result || []).map(m => {
    const made = document.createElement("article");
    const note = document.createElement("small");
    if (m.by_bot) made.innerHTML = m.html;  // the sandbox has let through nothing but Telegram's own tags
    else { made.textContent = m.text; made.className = "mine" }
    made.querySelectorAll("a").forEach(a => /^(https?|tg):/.test(a.href) || a.removeAttribute("href"));
    note.textContent = [new Date(m.date * 1000).toLocaleTimeString(), m.silent && "silent",
      m.protected && "not to be forwarded", m.edits && "edited"].filter(Boolean).join(" · ");
    made.append(note, ...below(m));
    return made;
  }));
  scrollTo(0, document.body.scrollHeight);
}
async function watch() {
  for (let after = 0;;) {
    const {result} = await telegram("wait_event", {after, timeout: 20}).catch(() => ({}));
    if (!result) { await new Promise(r => setTimeout(r, 1000)); continue }
    if (result.length) { after = result.at(-1).number; await show() }
  }
}
setInterval(async () => { const {now} = await (await fetch("/clock")).json();
  $("now").textContent = new Date(now * 1000).toLocaleString("en-IN", {timeZone: "Asia/Kolkata"}) }, 1000);
watch();
</script></html>
"""
