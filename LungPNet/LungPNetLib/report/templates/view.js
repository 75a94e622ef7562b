"use strict";
const stage = document.getElementById("stage");
const slices = stage.querySelectorAll(".slice");
const slider = document.getElementById("slider");
const position = document.getElementById("position");
const toggle = document.getElementById("toggle");

function show(index) {
  const wanted = Math.min(Math.max(index, 0), slices.length - 1);
  slices.forEach((slice, number) => { slice.hidden = number !== wanted; });
  slider.value = wanted;
  position.value = `${wanted + 1} of ${slices.length}, ${slices[wanted].dataset.position}`;
}

slider.addEventListener("input", () => show(Number(slider.value)));
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  show(Number(slider.value) - Math.sign(event.deltaY));
}, { passive: false });
document.addEventListener("keydown", (event) => {
  // The slider moves by itself where it has the focus.
  if (document.activeElement === slider) return;
  if (event.key === "ArrowUp" || event.key === "ArrowRight") show(Number(slider.value) + 1);
  else if (event.key === "ArrowDown" || event.key === "ArrowLeft") show(Number(slider.value) - 1);
  else return;
  event.preventDefault();
});
if (toggle) {
  toggle.addEventListener("change", () => stage.classList.toggle("plain", !toggle.checked));
}
show(Number(slider.value));
