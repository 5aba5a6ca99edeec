"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const canvas = find("canvas"), select = find("colouring"), count = data.ids.length;
const pointOfRank = new Array(count);
data.rank.forEach((rank, point) => { pointOfRank[rank - 1] = point; });
let chosen = -1, pinned = false, places = [], colours = [];

function place() {
  const width = canvas.clientWidth, height = Math.round(Math.min(width * 0.8, Math.max(320, innerHeight * 0.75)));
  const scale = window.devicePixelRatio || 1, margin = 14;
  canvas.style.height = `${height}px`;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
  const range = (values) => [Math.min(...values), Math.max(...values)];
  const [left, right] = range(data.x), [low, high] = range(data.y);
  const zoom = Math.min((width - 2 * margin) / (right - left || 1), (height - 2 * margin) / (high - low || 1));
  places = data.x.map((x, point) => [
    width / 2 + (x - (left + right) / 2) * zoom, height / 2 - (data.y[point] - (low + high) / 2) * zoom]);
}

function mix(share) {
  const ramp = data.colours.ramp, at = Math.max(0, Math.min(1, share)) * (ramp.length - 1);
  const first = Math.min(Math.floor(at), ramp.length - 2), part = at - first;
  const channel = (colour, start) => parseInt(colour.slice(start, start + 2), 16);
  return `rgb(${[1, 3, 5].map((start) => Math.round(
    (1 - part) * channel(ramp[first], start) + part * channel(ramp[first + 1], start))).join(",")})`;
}

function legendEntry(colour, text) {
  const entry = document.createElement("span"), mark = document.createElement("i");
  mark.style.background = colour;
  entry.append(mark, text);
  find("legend").append(entry);
  return mark;
}

function colour() {
  const kind = data.colourings[Number(select.value)], rest = data.colours.rest;
  find("legend").replaceChildren();
  if ("top" in kind) {
    const known = kind.values.filter((value) => value !== null), low = Math.min(...known);
    colours = kind.values.map((value) => (value === null ? rest : mix((value - low) / (kind.top - low || 1))));
    const ramp = legendEntry(`linear-gradient(to right, ${data.colours.ramp.join(",")})`, "");
    ramp.className = "ramp";
    ramp.before(known.length ? `${low} ` : "");
    ramp.after(known.length ? ` ${kind.top}${kind.open ? " and more" : ""}` : "none known");
    if (known.length < count) legendEntry(rest, `not given (${count - known.length})`);
  } else {
    const sizes = new Map();
    kind.values.forEach((value) => sizes.set(value, (sizes.get(value) || 0) + 1));
    const names = [...sizes.keys()].filter((name) => name !== kind.rest).sort((a, b) => sizes.get(b) - sizes.get(a));
    if (kind.name === "Outlier rank") names.sort((a, b) => parseInt(a) - parseInt(b));
    const own = new Map(names.slice(0, data.colours.groups.length).map((name, at) => [name, data.colours.groups[at]]));
    colours = kind.values.map((value) => own.get(value) || rest);
    own.forEach((shade, name) => legendEntry(shade, `${name} (${sizes.get(name)})`));
    const others = colours.filter((shade) => shade === rest).length;
    if (others) legendEntry(rest, `${kind.rest || "others"} (${others})`);
  }
}

function draw() {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (let rank = count - 1; rank >= 0; rank--) dot(pen, pointOfRank[rank], count > 800 ? 3 : 4.5);
  if (chosen < 0) return;
  dot(pen, chosen, 7);
  pen.lineWidth = 2.5;
  pen.strokeStyle = "#1f2933";
  pen.stroke();
}

function dot(pen, point, radius) {
  pen.beginPath();
  pen.arc(places[point][0], places[point][1], radius, 0, 7);
  pen.fillStyle = colours[point];
  pen.fill();
}

function showPicture(element, sheet, layout, number) {
  const across = number % layout.columns, down = Math.floor(number / layout.columns);
  const part = (at, of) => (of > 1 ? (100 * at) / (of - 1) : 0);
  element.style.backgroundImage = `var(--${sheet})`;
  element.style.backgroundSize = `${100 * layout.columns}% ${100 * layout.rows}%`;
  element.style.backgroundPosition = `${part(across, layout.columns)}% ${part(down, layout.rows)}%`;
}

function choose(point) {
  if (point === chosen) return;
  chosen = point;
  find("hint").hidden = point >= 0;
  find("shown").hidden = point < 0;
  document.querySelectorAll("button").forEach((button) =>
    button.classList.toggle("chosen", Number(button.dataset.point) === point));
  if (point >= 0) describe(point);
  draw();
}

function describe(point) {
  const rank = data.rank[point], large = rank <= document.querySelectorAll("[data-first]").length;
  if (large) showPicture(find("picture"), "first", data.first, rank - 1);
  else showPicture(find("picture"), "thumbnails", data.thumbnails, point);
  find("picture").setAttribute("aria-label", `View of ${data.ids[point]}`);
  find("name").textContent = data.ids[point];
  find("reason").textContent = `Rank ${rank} of ${count}: ${data.reason[point]}`;
  const facts = data.colourings.filter((kind) => !["Outlier rank", "Detector"].includes(kind.name))
    .map((kind) => [kind.name, kind.values[point] === null ? "not given" : kind.values[point]]);
  Object.entries(data.scores).forEach(([name, values]) => facts.push([name, values[point]]));
  find("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const term = document.createElement("dt"), words = document.createElement("dd");
    term.textContent = name;
    words.textContent = value;
    return [term, words];
  }));
}

function nearest(event) {
  const box = canvas.getBoundingClientRect(), reach = event.pointerType === "mouse" ? 12 : 24;
  let best = -1, least = reach * reach;
  places.forEach(([x, y], point) => {
    const distance = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
    if (distance < least) [best, least] = [point, distance];
  });
  return best;
}

function fromAddress() {
  const point = data.ids.indexOf(decodeURIComponent(location.hash.slice(1)));
  pinned = point >= 0;
  if (pinned) choose(point);
}

data.colourings.forEach((kind, number) => select.add(new Option(kind.name, number)));
select.addEventListener("change", () => { colour(); draw(); });
canvas.addEventListener("pointermove", (event) => { if (!pinned && event.pointerType === "mouse") choose(nearest(event)); });
canvas.addEventListener("click", (event) => { const point = nearest(event); pinned = point >= 0; choose(point); });
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  pinned = true;
  choose(pointOfRank[Math.max(0, Math.min(count - 1, chosen < 0 ? 0 : data.rank[chosen] - 1 + step))]);
});
document.querySelectorAll("[data-first]").forEach((picture) =>
  showPicture(picture, "first", data.first, Number(picture.dataset.first)));
document.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
  pinned = true;
  choose(Number(button.dataset.point));
  find("detail").scrollIntoView({ block: "nearest", behavior: "smooth" });
}));
window.addEventListener("resize", () => { place(); draw(); });
window.addEventListener("hashchange", fromAddress);
place();
colour();
draw();
fromAddress();
