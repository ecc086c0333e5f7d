/* What the pages do by themselves: count down, show changes as they happen, and answer to a few keys.
   Without this file everything still works; one then reloads. */
"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // ── time: the server's clock is the truth, its distance from ours is taken once ───────────────────────────────
  const told = document.querySelector('meta[name="server-time"]');
  const ahead = told ? Date.parse(told.content) - Date.now() : 0;

  const filled = (text, ...values) => values.reduce((said, value) => said.replace("{}", value), text);
  const two = (number) => String(number).padStart(2, "0");

  function span(seconds) {
    const days = Math.floor(seconds / 86400);
    const hours = Math.floor((seconds % 86400) / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (days) return filled(root.dataset.days, days, hours);
    if (hours) return filled(root.dataset.hours, hours, minutes);
    return `${two(minutes)}:${two(Math.floor(seconds % 60))}`;
  }

  function countDown() {
    const now = Date.now() + ahead;
    for (const time of document.querySelectorAll("time[data-due]")) {
      const rest = (Date.parse(time.dataset.due) - now) / 1000;
      const text = filled(rest < 0 ? root.dataset.over : root.dataset.left, span(Math.abs(rest)));
      if (time.textContent !== text) time.textContent = text;
      time.classList.toggle("late", rest < 0);
    }
  }
  countDown();
  setInterval(countDown, 1000);

  // ── changes elsewhere: a stream says that something changed, the server renders it, this puts it in place ─────
  const REFRESH_AT_MOST_EVERY = 400;
  let stream = null;
  let busy = false;
  let again = false;
  let last = 0;

  const live = () => byId("live");

  async function fetched(url) {
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (answer.redirected || answer.status === 401) location.reload();
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  }

  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      do {
        again = false;
        const wait = last + REFRESH_AT_MOST_EVERY - Date.now();
        if (wait > 0) await new Promise((done) => setTimeout(done, wait));
        last = Date.now();
        const url = live().dataset.fragment;
        let fresh = await fetched(url);
        if (fresh && !keepNames(fresh)) fresh = await fetched(url.replace(/&?fragment=rows/, ""));
        if (fresh) swap(fresh);
      } while (again);
    } catch {
      // The stream reconnects, and then asks again.
    } finally {
      busy = false;
    }
  }

  /* Names are not sent again with every change; false when one is missing here. */
  function keepNames(fresh) {
    let complete = true;
    for (const cell of fresh.querySelectorAll("[data-keep]")) {
      const old = live().querySelector(`[data-keep="${cell.dataset.keep}"]`);
      if (old) cell.replaceChildren(...Array.from(old.childNodes, (node) => node.cloneNode(true)));
      else complete = false;
    }
    return complete;
  }

  function swap(fresh) {
    const old = live();
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const caret = focused && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
    const lost = [];
    for (const details of old.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = true;
    }
    for (const input of old.querySelectorAll("textarea[id], input[id]:not([type=hidden])")) {
      const same = fresh.querySelector(`#${CSS.escape(input.id)}`);
      if (same) {
        same.value = input.value;
        same.checked = input.checked;
      } else if (input.type === "textarea" && input.value.trim()) {
        lost.push(input.value);
      }
    }
    for (const row of fresh.querySelectorAll("[id][data-version]")) {
      const before = old.querySelector(`#${CSS.escape(row.id)}`);
      if (!before || before.dataset.version !== row.dataset.version) row.classList.add("changed");
    }
    old.replaceWith(fresh);
    for (const text of lost) {
      const note = byId("typed-before").content.firstElementChild.cloneNode(true);
      note.querySelector(".kept").textContent = text;
      fresh.before(note);
    }
    if (focused?.id) {
      const same = byId(focused.id);
      same?.focus({ preventScroll: true });
      if (caret && same?.setSelectionRange && same.type !== "radio" && same.type !== "checkbox") {
        same.setSelectionRange(...caret);
      }
    }
    countDown();
    const news = byId("news");
    news.textContent = news.dataset.changed;
  }

  /* Something may have happened between the page and the stream, or while the line was dead. */
  async function catchUp() {
    const { check, version } = live().dataset;
    if (check) {
      const answer = await fetch(check, { headers: { "if-none-match": `"${version}"` }, cache: "no-store" });
      if (answer.status === 304) return;
    }
    await refresh();
  }

  function listen() {
    if (stream || !live() || live().dataset.still || document.hidden) return;
    stream = new EventSource(live().dataset.stream);
    stream.addEventListener("open", () => catchUp().catch(() => {}));
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      // Closed for good: signed out, or the right was taken away. Otherwise the browser tries again by itself.
      if (stream?.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(listen, 5000);
      }
    });
  }

  // A browser has six lines to a server; pages that nobody looks at give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      listen();
    }
  });
  addEventListener("pagehide", () => stream?.close());
  listen();

  // ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────
  const off = byId("keys-off");
  if (off) {
    off.checked = localStorage.getItem("keys") === "off";
    off.addEventListener("change", () => localStorage.setItem("keys", off.checked ? "off" : "on"));
  }

  function step(by) {
    const rows = Array.from(document.querySelectorAll(".row-link"));
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  /* 1 to 4 choose the answer; Enter then sends it, unless a reason is asked. */
  function answered(key) {
    const choice = /^[1-4]$/.test(key) ? byId(`answer-${key}`) : null;
    if (!choice) return null;
    return () => {
      choice.checked = true;
      if (key === "1") choice.form.querySelector("button").focus();
      else byId("answer-reason").focus();
    };
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (localStorage.getItem("keys") === "off") return;
    const act = {
      j: () => step(1),
      k: () => step(-1),
      "/": () => byId("case-no")?.focus(),
      "?": () => document.querySelector(".keys")?.toggleAttribute("open"),
    }[event.key] ?? answered(event.key);
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // A second press while the first is on its way would send the form twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
})();
