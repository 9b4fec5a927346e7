// Keep the page as it would be if it were loaded now: when something moved, fetch it again and
// put in place what differs. Without this script, the page is what it was when it was loaded.
"use strict";
(() => {
  const SOON = 100;
  const AGAIN = 5000;
  const state = document.getElementById("live");
  const button = document.getElementById("pause");
  const shown = new Map();
  let events = null;
  let paused = false;
  let over = false;
  let asking = false;
  let asked = false;
  let timer = 0;

  const sections = (root) => [...root.querySelectorAll("[data-live][id]")];
  const remember = () => sections(document).forEach((each) => shown.set(each.id, each.innerHTML));

  const say = (text, kind) => {
    if (state.textContent !== text) state.textContent = text;
    state.className = kind;
    state.hidden = false;
  };

  // What somebody opened, focused or scrolled stays so.
  const kept = (section) => ({
    open: [...section.querySelectorAll("details[open][id]")].map((each) => each.id),
    focus: section.contains(document.activeElement) ? pathTo(document.activeElement) : null,
    scrolled: [...section.querySelectorAll(".wide")].map((each) => each.scrollLeft),
  });

  const pathTo = (element) => {
    const href = element.getAttribute("href");
    if (element.id) return `#${CSS.escape(element.id)}`;
    return href ? `${element.localName}[href="${CSS.escape(href)}"]` : element.localName;
  };

  const restore = (section, before) => {
    before.open.forEach((id) => {
      const found = document.getElementById(id);
      if (found) found.open = true;
    });
    section.querySelectorAll(".wide").forEach((each, number) => {
      each.scrollLeft = before.scrolled[number] || 0;
    });
    if (before.focus) section.querySelector(before.focus)?.focus({ preventScroll: true });
  };

  const replace = (section, fresh) => {
    const known = new Set([...section.querySelectorAll("[data-key]")].map((e) => e.dataset.key));
    const before = kept(section);
    section.replaceChildren(...fresh.childNodes);
    section.querySelectorAll("[data-key]").forEach((each) => {
      if (!known.has(each.dataset.key)) each.classList.add("fresh");
    });
    restore(section, before);
    section.dispatchEvent(new CustomEvent("replaced", { bubbles: true }));
  };

  const refresh = async () => {
    if (asking) { asked = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, {
        headers: { Accept: "text/html", "Cache-Control": "no-cache" },
      });
      if (answer.status === 401) { ended(); return; }
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of sections(page)) {
        const section = document.getElementById(fresh.id);
        if (section && shown.get(fresh.id) !== fresh.innerHTML) {
          shown.set(fresh.id, fresh.innerHTML);
          replace(section, fresh);
        }
      }
      say("Live", "good");
    } catch {
      lost();
    } finally {
      asking = false;
      if (asked) { asked = false; soon(); }
    }
  };

  const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, SOON); };

  const lost = () => {
    close();
    say("No answer, trying again", "bad");
    clearTimeout(timer);
    timer = setTimeout(open, AGAIN);
  };

  // The session is over: what is shown stays, and is no longer live.
  const ended = () => {
    close();
    over = true;
    clearTimeout(timer);
    say("Session over: ", "bad");
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "log in again";
    state.append(link);
    button.hidden = true;
  };

  // An EventSource does not say why it ended.
  const ask = async () => {
    close();
    try {
      const answer = await fetch("/events", { method: "HEAD" });
      if (answer.status === 401) { ended(); return; }
    } catch { /* Nobody is there. */ }
    lost();
  };

  const close = () => {
    if (events) events.close();
    events = null;
  };

  const open = () => {
    close();
    if (paused || over || document.hidden) return;
    events = new EventSource("/events");
    // What moved while nobody listened is seen at once.
    events.addEventListener("open", () => { say("Live", "good"); refresh(); });
    events.addEventListener("moved", soon);
    events.addEventListener("error", ask);
  };

  const settle = () => {
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    clearTimeout(timer);
    if (paused) { close(); say("Paused", "quiet"); } else open();
  };

  document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  // The past stays as it is, and to ask for it again would cost somebody seconds each time.
  if (!sections(document).length) return;
  button.addEventListener("click", () => { paused = !paused; settle(); });
  // A browser keeps few connections to one server: hidden pages need none.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : settle()));
  addEventListener("pagehide", close);
  button.hidden = false;
  remember();
  settle();
})();
