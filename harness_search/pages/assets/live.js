"use strict";
(() => {
  const MOST_LINES = 300;
  const by = (id) => document.getElementById(id);
  const [state, said, link, now, log, asks] = ["state", "said", "link", "now", "log", "asks"].map(by);
  const say = (place, text) => { if (place.textContent !== text) place.textContent = text; };
  const AT_WORK = new Set(["running", "paused", "waiting", "stopping", "hung"]);
  let forgetting = 0;
  const forget = () => {
    clearTimeout(forgetting);
    say(said, "");
  };

  // Where the search stands. Parts that stayed the same are left alone, with what a person does
  // in them; the place of the keyboard is kept.
  const parts = new Map();
  const put = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const { part: name } = part.dataset;
      const old = now.querySelector(`[data-part="${name}"]`);
      const text = part.innerHTML;
      if (!old || parts.get(name) === text) continue;
      parts.set(name, text);
      const focused = old.contains(document.activeElement) && document.activeElement;
      const left = old.querySelector(".scroll")?.scrollLeft ?? 0;
      old.replaceChildren(...part.childNodes);
      const box = old.querySelector(".scroll");
      if (box) box.scrollLeft = left;
      if (focused) {
        const same = [...old.querySelectorAll("a[href]")].find((a) => a.href === focused.href);
        (same ?? box)?.focus({ preventScroll: true });
      }
    }
    dispatchEvent(new Event("resize")); // for boxes that scroll now
  };
  const show = (found) => {
    if (found.server !== log.dataset.server) return location.reload();
    if (found.state !== state.dataset.state && !AT_WORK.has(found.state)) forget();
    state.dataset.state = found.state;
    say(by("sentence"), found.sentence);
    document.title = `${found.sentence} · ${found.name}`;
    for (const button of asks?.querySelectorAll("button") ?? [])
      if (found.sensible.includes(button.value)) button.removeAttribute("aria-disabled");
      else button.setAttribute("aria-disabled", "true");
    put(found.html);
  };

  // What happens. Rollouts that follow each other are one line.
  let counted = null;
  const line = (found) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const item = document.createElement("li");
    const time = document.createElement("time");
    const text = document.createElement("span");
    item.append(time, " ", text);
    log.append(item);
    while (log.children.length > MOST_LINES) log.firstElementChild.remove();
    by("nothing").hidden = true;
    fill(item, found);
    if (atEnd) log.scrollTop = log.scrollHeight;
    return item;
  };
  const fill = (item, { at, clock, text }) => {
    item.firstElementChild.dateTime = at;
    item.firstElementChild.textContent = clock;
    item.lastElementChild.textContent = text;
  };
  const tell = (kind, found) => {
    if (kind !== "rollout") {
      counted = null;
      line(found);
      return;
    }
    counted ??= { item: null, ended: 0, lost: 0 };
    counted.ended += 1;
    counted.lost += found.lost ? 1 : 0;
    const lost = counted.lost ? `, ${counted.lost} lost and run again` : "";
    const text = `${counted.ended} rollout${counted.ended === 1 ? "" : "s"} ended${lost}.`;
    if (counted.item) fill(counted.item, { ...found, text });
    else counted.item = line({ ...found, text });
  };
  log.scrollTop = log.scrollHeight;

  const source = new EventSource(`/events?from=${encodeURIComponent(log.dataset.mark)}`);
  source.addEventListener("now", (event) => show(JSON.parse(event.data)));
  for (const kind of log.dataset.kinds.split(" "))
    source.addEventListener(kind, (event) => tell(kind, JSON.parse(event.data)));
  const connection = (text) => { link.hidden = !text; say(link, text); };
  source.addEventListener("open", () => connection(""));
  source.addEventListener("error", () => {
    connection(source.readyState === EventSource.CLOSED
      ? "The connection has ended: load the page again."
      : "The connection is lost: trying again.");
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // What is asked, and what came of it: for a while, and while somebody is at work whom it is about.
  const answered = (text) => {
    say(said, text);
    clearTimeout(forgetting);
    forgetting = setTimeout(forget, 30000);
  };
  const QUESTIONS = {
    "stop": "End the search once its rollouts in flight are done?",
    "stop now": "End the search at once? Rollouts in flight are broken off and run again later.",
  };
  asks?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    const question = QUESTIONS[button.value];
    if (question && !confirm(question)) return;
    const body = new URLSearchParams(new FormData(asks, button));
    const before = state.dataset.state;
    answered("Asking…");
    try {
      const answer = await fetch(asks.action, {
        method: "POST", body, headers: { Accept: "application/json" },
      });
      answered((await answer.json()).said);
      const after = state.dataset.state; // it may have ended meanwhile
      if (answer.ok && after !== before && !AT_WORK.has(after)) forget();
    } catch {
      answered("The server does not answer.");
    }
  });
})();
