// The least contrast of any text on the page with the ground it stands on, and where, as WCAG 2 reckons it.

const channel = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const parsed = colour => colour.match(/[\d.]+/g).map(Number);
const light = ([red, green, blue]) =>
  0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);

function ground(element) {
  const colour = parsed(getComputedStyle(element).backgroundColor);
  return colour[3] === 0 ? ground(element.parentElement) : colour;
}

function contrast(element) {
  const [more, less] = [parsed(getComputedStyle(element).color), ground(element)].map(light).sort((a, b) => b - a);
  return (more + 0.05) / (less + 0.05);
}

const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let worst = [21, ""];
while (texts.nextNode()) {
  const { parentElement: element, textContent: text } = texts.currentNode;
  if (!text.trim() || !element.checkVisibility() || element.closest(".spoiler, template")) continue;
  const found = contrast(element);
  if (found < worst[0]) worst = [found, text];
}
return worst;
