// Pan, zoom, find, and show the flows of one pod alone. Without it the picture is a picture.
"use strict";
(() => {
  let focused = decodeURIComponent(location.hash.slice(1));

  const prepare = () => {
    const svg = document.querySelector(".topology svg");
    if (!svg) return;
    const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const view = { x: left, y: top, w: width, h: height };
    const draw = () => {
      svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
      // How much of the picture one pixel shows: who is looked for is drawn as large in any of it.
      const scale = Math.max(view.w / svg.clientWidth, view.h / svg.clientHeight);
      svg.style.setProperty("--scale", Math.max(1, scale));
      // The tip of an arrow is as large in any of it as well: no pod may grow over it.
      svg.style.setProperty("--fine", Math.min(1, scale));
    };
    const nodes = [...svg.querySelectorAll(".nodes [data-name]")];
    const lines = [...svg.querySelectorAll(".lines path")];

    const at = (event) => {
      const place = svg.createSVGPoint();
      place.x = event.clientX;
      place.y = event.clientY;
      return place.matrixTransform(svg.getScreenCTM().inverse());
    };

    const zoom = (by, place) => {
      const width_ = Math.min(width * 2, Math.max(80, view.w / by));
      const scale = width_ / view.w;
      view.x = place.x - (place.x - view.x) * scale;
      view.y = place.y - (place.y - view.y) * scale;
      view.w *= scale;
      view.h *= scale;
      draw();
    };

    const middle = () => ({ x: view.x + view.w / 2, y: view.y + view.h / 2 });
    const all = () => { Object.assign(view, { x: left, y: top, w: width, h: height }); draw(); };

    svg.addEventListener("wheel", (event) => {
      // A page must be scrolled past the picture: who wants to zoom says so.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.15 : 0.87, at(event));
    }, { passive: false });

    let from = null;
    let moved = false;
    svg.addEventListener("pointerdown", (event) => { from = at(event); moved = false; });
    svg.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons) return;
      const to = at(event);
      if (Math.hypot(to.x - from.x, to.y - from.y) < view.w / 200) return;
      moved = true;
      view.x -= to.x - from.x;
      view.y -= to.y - from.y;
      draw();
    });
    addEventListener("pointerup", () => { from = null; });

    document.querySelectorAll("[data-zoom]").forEach((each) => {
      each.addEventListener("click", () => {
        const by = Number(each.dataset.zoom);
        if (by) zoom(by, middle()); else all();
      });
    });
    document.querySelector(".zoom").hidden = false;

    const focus = (name) => {
      focused = nodes.some((each) => each.dataset.name === name) ? name : "";
      svg.classList.toggle("focused", Boolean(focused));
      const near = new Set([focused]);
      let sends = 0;
      let gets = 0;
      for (const line of lines) {
        const out = line.dataset.from === focused;
        const into = line.dataset.to === focused;
        line.classList.toggle("out", out);
        line.classList.toggle("into", into);
        if (out) { near.add(line.dataset.to); sends += 1; }
        if (into) { near.add(line.dataset.from); gets += 1; }
      }
      for (const node of nodes) {
        node.classList.toggle("near", Boolean(focused) && near.has(node.dataset.name));
        node.classList.toggle("here", Boolean(focused) && node.dataset.name === focused);
      }
      tell(nodes.find((each) => each.dataset.name === focused), sends, gets);
    };

    const tell = (node, sends, gets) => {
      const told = document.getElementById("focus");
      told.hidden = !node;
      if (!node) return;
      const link = document.createElement("a");
      link.href = node.getAttribute("href");
      link.textContent = node.dataset.name;
      told.replaceChildren(link, ` reaches ${sends}, is reached by ${gets}. `);
      const rest = document.createElement("button");
      rest.type = "button";
      rest.textContent = "Show all";
      rest.addEventListener("click", () => { focus(""); all(); });
      told.append(rest);
    };

    svg.addEventListener("click", (event) => {
      const node = event.target.closest("[data-name]");
      if (moved || (node && node.dataset.name === focused) || event.ctrlKey || event.metaKey) {
        if (moved) event.preventDefault();
        return;
      }
      // The first click shows its flows, the second leads to its page.
      event.preventDefault();
      focus(node ? node.dataset.name : "");
    });

    const find = document.getElementById("find");
    find.oninput = () => {
      const text = find.value.toLowerCase();
      nodes.forEach((each) => {
        each.classList.toggle("found", Boolean(text) && each.dataset.name.toLowerCase().includes(text));
      });
    };
    find.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const found = nodes.find((each) => each.classList.contains("found"));
      focus(found ? found.dataset.name : "");
    };

    new ResizeObserver(draw).observe(svg);
    if (focused) focus(focused);
  };

  document.addEventListener("replaced", (event) => {
    if (event.target.id === "picture") prepare();
  });
  prepare();
})();
