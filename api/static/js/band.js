// The day as a band is wider than a phone: it opens where it is now, not at midnight.
(function () {
  'use strict';
  const line = document.querySelector('.band .now');
  if (!line) return;
  const band = line.closest('.band-scroll'), part = Number(line.getAttribute('x1')) / line.ownerSVGElement.viewBox.baseVal.width;
  band.scrollLeft = part * band.scrollWidth - band.clientWidth * 0.8;
})();
