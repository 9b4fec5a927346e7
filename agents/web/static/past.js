// Slide through what changed lately. Without it one goes from change to change by links.
"use strict";
(() => {
  const steps = [...document.querySelectorAll("#steps option")].map((each) => each.label);
  const slide = document.querySelector("#slide");
  if (!slide || steps.length < 2) return;
  const place = slide.closest(".slide");
  const shown = place.querySelector("output");
  const at = slide.dataset.at || steps[steps.length - 1];
  slide.max = steps.length - 1;
  slide.value = Math.max(0, steps.findLastIndex((each) => each <= at));
  const say = () => { shown.textContent = steps[slide.value]; };
  slide.addEventListener("input", say);
  slide.addEventListener("change", () => {
    const asked = new URLSearchParams(location.search);
    asked.set("at", steps[slide.value]);
    asked.delete("after");
    location.search = asked;
  });
  say();
  place.hidden = false;
})();
