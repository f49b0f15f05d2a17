// The day as a band is wider than a phone: it opens where it is now, not at midnight, and the names of its rows stay
// in sight at the left edge.
(function () {
  'use strict';
  const line = document.querySelector('.band .now'), band = document.querySelector('.band')?.closest('.band-scroll');
  if (!band) return;
  const width = band.querySelector('.band').viewBox.baseVal.width;
  const names = [...band.querySelectorAll('.row-name')].map((name) => [name, name.getAttribute('x')]);
  function follow() {
    const left = band.scrollLeft * width / band.scrollWidth;
    for (const [name, x] of names) { name.setAttribute('x', left > 20 ? left + 2 : x); name.setAttribute('text-anchor', left > 20 ? 'start' : 'end'); }
  }
  band.addEventListener('scroll', follow, { passive: true });
  if (line) band.scrollLeft = Number(line.getAttribute('x1')) / width * band.scrollWidth - band.clientWidth * 0.8;
})();
