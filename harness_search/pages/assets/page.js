"use strict";
(() => {
  // A link to something inside a folded part opens it.
  const unfold = () => {
    let name = "";
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = name && document.getElementById(name);
    if (!target) return;
    for (let part = target; part; part = part.parentElement)
      if (part instanceof HTMLDetailsElement) part.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  // On paper nothing can be unfolded; whole candidates stay folded all the same.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open], .candidate-part, .candidate-part *)")];
    for (const part of unfolded) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of unfolded) part.open = false;
  });

  // Columns of table.sortable are sorted by their headings; a cell may say its value in data-value.
  const value = (row, place) => {
    const cell = row.cells[place];
    const said = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
    return said !== "" && isFinite(said) ? Number(said) : said;
  };
  const compare = (one, other) => {
    if (typeof one === typeof other)
      return typeof one === "number" ? one - other : one.localeCompare(other);
    return typeof one === "number" ? -1 : 1;
  };
  const sort = (table, heading) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const place = heading.cellIndex;
    const rows = [...body.rows].map((row) => [value(row, place), row]);
    rows.sort(([one], [other]) => (up ? 1 : -1) * compare(one, other));
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead?.rows[0]?.cells ?? []) {
      if (!heading.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }

  // A box that scrolls can be reached with the keyboard.
  const reach = () => {
    for (const box of document.querySelectorAll(".scroll, pre")) {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  reach();

  // The navigation marks the section that is being read.
  const links = new Map(
    [...document.querySelectorAll("nav.sections a[href^='#']")].map((a) => [a.hash.slice(1), a]),
  );
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  let waiting = false;
  const mark = () => {
    waiting = false;
    const passed = sections.filter((section) => section.getBoundingClientRect().top < 120);
    const root = document.documentElement;
    const atEnd = scrollY > 0 && scrollY + innerHeight >= root.scrollHeight - 2;
    const current = atEnd ? sections.at(-1) : passed.at(-1) ?? sections[0];
    for (const [id, link] of links) {
      const isCurrent = id === current.id;
      if (isCurrent === link.hasAttribute("aria-current")) continue;
      if (!isCurrent) { link.removeAttribute("aria-current"); continue; }
      link.setAttribute("aria-current", "true");
      const list = link.closest("ul");
      list.scrollLeft = link.offsetLeft - list.clientWidth / 3;
    }
  };
  addEventListener("scroll", () => {
    if (!waiting) { waiting = true; requestAnimationFrame(mark); }
  }, { passive: true });
  if (sections.length) mark();
})();
